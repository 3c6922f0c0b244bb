#include "methods/methods.h"

#include "base/error.h"
#include "methods/sparq/sparq.h"

namespace bitsieve {
namespace {

template <int bits, uniform::ScaleRule rule>
uniform::QuantizedWeights uniform_weights(const float* w, std::int64_t outputs, std::int64_t k) {
  return uniform::quantize_weights(w, outputs, k, bits, rule);
}

using enum uniform::ScaleRule;
const WeightCodeRow weight_table[] = {
    {"int8", "8 bits per filter, scale max/127", 8, uniform_weights<8, max_code>},
    {"int7", "7 bits per filter, scale max/63", 7, uniform_weights<7, max_code>},
    {"int6", "6 bits per filter, scale max/31", 6, uniform_weights<6, max_code>},
    {"int5", "5 bits per filter, scale max/15", 5, uniform_weights<5, max_code>},
    {"int4", "4 bits per filter, scale max/7", 4, uniform_weights<4, max_code>},
    {"int3", "3 bits per filter, scale max/3", 3, uniform_weights<3, max_code>},
    {"int2", "2 bits per filter, scale max", 2, uniform_weights<2, max_code>},
    {"int8-sparq", "8 bits, scale max/127.5 as in the SPARQ code", 8, uniform_weights<8, sparq>},
    {"int4-sparq", "4 bits, scale max/7.5 as in the SPARQ code", 4, uniform_weights<4, sparq>},
};

std::vector<ActivationCodeRow> make_activation_table() {
  std::vector<ActivationCodeRow> rows;
  rows.push_back({"int8", "plain 8 bits", 8, 8, {}});
  rows.push_back({"act4-uniform",
                  "16 uniform levels over the same range",
                  4,
                  4,
                  {uniform::make_transform(4, false), uniform::make_transform(4, true)}});
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

const WeightCodeRow& require_weight_code(const std::string& name) { return require(weight_codes(), name, "weight"); }

const ActivationCodeRow& require_activation_code(const std::string& name) {
  return require(activation_codes(), name, "activation");
}

}  // namespace bitsieve
