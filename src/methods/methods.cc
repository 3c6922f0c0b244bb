#include "methods/methods.h"

#include "base/error.h"
#include "methods/sparq/sparq.h"
#include "methods/swis/swis.h"
#include "methods/truncation/truncation.h"
#include "methods/uniform/uniform.h"

namespace bitsieve {
namespace {

const WeightCodeRow weight_table[] = {
    {"intB[-mse|-sparq|-exact][-tensor]",
     "B bits, 2 to 8, one scale a filter (or a layer: tensor): max over the largest code, least squared error (mse), "
     "that of the SPARQ code, or that of the grid on which trained weights lie already (exact)",
     "B is 2 to 8",
     {"int8", "int7", "int6", "int5", "int4", "int3", "int2", "int4-mse", "int8-tensor", "int8-sparq", "int4-sparq",
      "int8-exact"},
     uniform::weight_code},
    {"swis-nN-mM[-OPTION...]",
     "SWIS: N shift positions, 1 to 8, shared by M weights, 1 to 32; N like 2.5: a mean over the filters. Options: "
     "mse, "
     "alphaA, measured (metric; MSE++ with alpha 1 without), joint (rounding), flat (groups across taps), tensor (one "
     "scale), exact (trained weights as they are), any, even, cC (schedule)",
     "N is 1 to 8, or a fraction such as 2.5; M 1, 2, 4, 8, 16 or 32; A a multiple of 1/8 up to 8; C 1 to 1024",
     {"swis-n2-m4", "swis-n2.5-m4", "swis-n3-m4", "swis-n4-m4", "swis-n5-m4", "swis-n3-m4-exact"},
     swis::weight_code},
    {"swisc-nN-mM[-OPTION...]",
     "SWIS-C: the same with consecutive positions",
     "N is 1 to 8, or a fraction such as 2.5; M 1, 2, 4, 8, 16 or 32; A a multiple of 1/8 up to 8; C 1 to 1024",
     {"swisc-n2-m4", "swisc-n3-m4", "swisc-n4-m4"},
     swis::weight_code},
    {"trunc-nN[-floor][-tensor]",
     "one window of N bits for a layer, rounded or with the rest dropped",
     "N is 1 to 8",
     {"trunc-n4", "trunc-n4-floor"},
     truncation::weight_code},
    {"static-nN[-tensor]",
     "one set of N shift positions for a layer",
     "N is 1 to 8",
     {"static-n4"},
     truncation::weight_code},
};

std::vector<ActivationCodeRow> make_activation_table() {
  std::vector<ActivationCodeRow> rows;
  rows.push_back({"int8", "plain 8 bits", 8, 8, {}});
  for (const int bits : {4, 3, 2}) {
    rows.push_back({fmt::format("act{}-uniform", bits),
                    fmt::format("{} uniform levels over the same range", 1 << bits),
                    bits,
                    bits,
                    {uniform::make_transform(bits, false), uniform::make_transform(bits, true)}});
  }
  for (const sparq::WindowOption& option : sparq::window_options()) {
    for (const bool round : {true, false}) {
      for (const int mode : {0, 1, 2}) {
        const sparq::Config config{&option, round, mode != 1, mode == 2};
        rows.push_back({fmt::format("sparq-{}-{}{}", option.name, round ? "round" : "trim",
                                    mode == 0   ? ""
                                    : mode == 1 ? "-novs"
                                                : "-24"),
                        fmt::format("SPARQ, {} placements of {} bits, {}{}", option.shifts.size(), option.bits,
                                    round ? "rounded" : "trimmed",
                                    mode == 0   ? ""
                                    : mode == 1 ? ", without vSPARQ"
                                                : ", 2:4 sparse weights"),
                        option.bits,
                        option.bits + 1,
                        {sparq::make_transform(config, false), sparq::make_transform(config, true)}});
      }
    }
  }
  return rows;
}

template <class Row>
const Row& require(std::span<const Row> rows, const std::string& name, const char* kind) {
  std::string allowed;
  for (const Row& row : rows) {
    if (row.name == name) return row;
    allowed += (allowed.empty() ? "" : ", ") + row.name;
  }
  fail("there is no {} code '{}'; there are {}", kind, name, allowed);
}

}  // namespace

std::span<const WeightCodeRow> weight_codes() { return weight_table; }

std::span<const ActivationCodeRow> activation_codes() {
  static const std::vector<ActivationCodeRow> rows = make_activation_table();
  return rows;
}

std::optional<WeightCode> find_weight_code(std::string_view name) {
  for (const WeightCodeRow& row : weight_codes()) {
    if (auto code = row.find(name)) return code;
  }
  return std::nullopt;
}

WeightCode require_weight_code(const std::string& name) {
  if (auto code = find_weight_code(name)) return std::move(*code);
  std::string allowed;
  for (const WeightCodeRow& row : weight_codes()) {
    // Meant to be one of a family: say what is wrong with its parts.
    const std::string stem = row.names.substr(0, row.names.find_first_of("B-"));
    if (name.starts_with(stem) && name.find('-') == (row.names.starts_with("intB") ? name.find('-') : stem.size()))
      fail("there is no weight code '{}'; they are written {}: {}", name, row.names, row.limits);
    allowed += (allowed.empty() ? "" : ", ") + row.names;
  }
  fail("there is no weight code '{}'; there are {} (see `bitsieve list`)", name, allowed);
}

const ActivationCodeRow& require_activation_code(const std::string& name) {
  return require(activation_codes(), name, "activation");
}

}  // namespace bitsieve
