#include "search/ladder.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "methods/methods.h"

namespace bitsieve {
namespace {

// From low to high precision. What follows a stem in a code's name ("-round", "-trim-novs") is kept on the way up where
// there is such a code; int8 ends every ladder.
struct Ladder {
  std::vector<std::string_view> stems;
};

const Ladder weight_ladders[] = {
    {{"int2", "int3", "int4", "int5", "int6"}},
    {{"swis-n1", "swis-n1.5", "swis-n2", "swis-n2.5", "swis-n3", "swis-n3.5", "swis-n4", "swis-n5"}},
    {{"swisc-n1", "swisc-n1.5", "swisc-n2", "swisc-n2.5", "swisc-n3", "swisc-n3.5", "swisc-n4", "swisc-n5"}},
    {{"trunc-n1", "trunc-n2", "trunc-n3", "trunc-n4", "trunc-n5"}},
    {{"static-n1", "static-n2", "static-n3", "static-n4", "static-n5"}},
};
const Ladder activation_ladders[] = {
    // 2 bits, 3 bits, then 4 bits with 2, 3 and 5 placements (specification of SPARQ, A.2)
    {{"sparq-7opt", "sparq-6opt", "sparq-2opt", "sparq-3opt", "sparq-5opt"}},
};

// known: whether there is such a code; full: whether a code has all the precision of 8 bits.
template <class Known, class Full>
std::vector<std::string> climb(const std::string& start, std::span<const Ladder> ladders, const Known& known,
                               const Full& full) {
  std::vector<std::string> codes{start};
  if (start == "float" || full(start)) return codes;
  std::string rest;
  for (const Ladder& ladder : ladders) {
    const auto from = std::find_if(ladder.stems.begin(), ladder.stems.end(), [&](std::string_view stem) {
      return start.starts_with(stem) && (start.size() == stem.size() || start[stem.size()] == '-');
    });
    if (from == ladder.stems.end()) continue;
    rest = start.substr(from->size());
    for (auto stem = from + 1; stem != ladder.stems.end(); ++stem) {
      const std::string code = std::string(*stem) + rest;
      if (known(code)) codes.push_back(code);
    }
  }
  // One scale for the layer stays that.
  codes.push_back(known("int8" + rest) ? "int8" + rest : rest.ends_with("-tensor") ? "int8-tensor" : "int8");
  return codes;
}

}  // namespace

std::vector<LayerRecipe> ladder(const LayerRecipe& start) {
  const auto act_known = [](const std::string& name) {
    return std::any_of(activation_codes().begin(), activation_codes().end(),
                       [&](const ActivationCodeRow& row) { return row.name == name; });
  };
  // Shifts, not stored bits, say how precise a weight code is: four shifts for a group of four take 8 bits a weight.
  const auto weights = climb(
      start.weight_code, weight_ladders, [](const std::string& name) { return find_weight_code(name).has_value(); },
      [](const std::string& name) { return require_weight_code(name).shifts >= 7; });
  const auto acts = climb(start.act_code, activation_ladders, act_known,
                          [](const std::string& name) { return require_activation_code(name).bits >= 8; });
  std::vector<LayerRecipe> rungs;
  for (std::size_t i = 0; i < std::max(weights.size(), acts.size()); ++i) {
    rungs.push_back({weights[std::min(i, weights.size() - 1)], acts[std::min(i, acts.size() - 1)]});
  }
  return rungs;
}

}  // namespace bitsieve
