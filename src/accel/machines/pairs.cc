#include "accel/machines/pairs.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"

namespace bitsieve::accel {
namespace {

int signed_as(int x, int w) { return x < 0 ? -w : w; }

// -128 has no magnitude of 7 bits: it is -127 to the unit, as to the tables.
int magnitude(int x) { return std::min(std::abs(x), x < 0 ? 127 : 255); }

}  // namespace

Pair cut_pair(int x1, int w1, int x2, int w2, const TrimRound& unit) {
  return {trim_round(magnitude(x1), magnitude(x2), unit), signed_as(x1, w1), signed_as(x2, w2)};
}

TrimRound element_for(const Layer& layer, const Parameters& p) {
  const auto unit_of = [](Windows windows) {
    const std::span<const TrimRoundOption> options = trim_round_options();
    return std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.name == to_string(windows); })
        ->unit;
  };
  const TrimRound element = unit_of(p.windows);
  if (!layer.windows || layer.code == nullptr) return element;
  const std::optional<TrimRound> unit = find_trim_round(layer.code->transform, layer.signed_input);
  if (unit && !has_windows_of(element, *unit)) {
    const bool few = has_windows_of(unit_of(Windows::opt3), *unit);
    fail(
        "layer '{}' has windows of '{}', which elements with windows = \"{}\" (machine '{}') do not have; \"{}\" have "
        "them",
        layer.name, layer.code->act_code, to_string(p.windows), p.name, few ? "3opt" : "5opt");
  }
  return element;
}

std::vector<Pair> pairs_of(const Operands& o) {
  const std::size_t depth = o.read.size();
  std::vector<Pair> pairs;
  const auto weight = [&](std::size_t k) { return k < depth ? static_cast<int>(o.weights[k]) : 0; };
  if (o.layer.narrow()) {
    if (o.layer.windows && !o.unit)
      fail("layer '{}': its activation code is not one that a trim-and-round unit makes", o.layer.name);
    const TrimRound plain{.bits = 4, .step = 4, .round = false, .pairs = false};  // values below 16 pass unchanged
    for (std::size_t k = 0; k < depth; k += 2)
      pairs.push_back(cut_pair(o.read[k], weight(k), k + 1 < depth ? o.read[k + 1] : 0, weight(k + 1),
                               o.layer.windows ? *o.unit : plain));
    return pairs;
  }
  const TrimRound halves;  // of one value beside nothing
  for (std::size_t k = 0; k < depth; ++k) {
    Pair pair{trim_round(std::abs(o.read[k]), 0, halves), signed_as(o.read[k], weight(k)), 0};
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace bitsieve::accel
