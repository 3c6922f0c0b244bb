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
};
const Ladder activation_ladders[] = {
    // 2 bits, 3 bits, then 4 bits with 2, 3 and 5 placements (specification of SPARQ, A.2)
    {{"sparq-7opt", "sparq-6opt", "sparq-2opt", "sparq-3opt", "sparq-5opt"}},
};

// `rows`: the table that the code is from; `start` is one of its names.
template <class Row>
std::vector<std::string> climb(const std::string& start, std::span<const Ladder> ladders, std::span<const Row> rows) {
  const auto find = [&](const std::string& name) {
    return std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  };
  std::vector<std::string> codes{start};
  if (start == "float" || find(start)->bits >= 8) return codes;
  std::string rest;
  for (const Ladder& ladder : ladders) {
    const auto from = std::find_if(ladder.stems.begin(), ladder.stems.end(), [&](std::string_view stem) {
      return start.starts_with(stem) && (start.size() == stem.size() || start[stem.size()] == '-');
    });
    if (from == ladder.stems.end()) continue;
    rest = start.substr(from->size());
    for (auto stem = from + 1; stem != ladder.stems.end(); ++stem) {
      const std::string code = std::string(*stem) + rest;
      if (find(code) != rows.end()) codes.push_back(code);
    }
  }
  codes.push_back(find("int8" + rest) != rows.end() ? "int8" + rest : "int8");
  return codes;
}

}  // namespace

std::vector<LayerRecipe> ladder(const LayerRecipe& start) {
  if (start.weight_code != "float") require_weight_code(start.weight_code);
  if (start.act_code != "float") require_activation_code(start.act_code);
  const auto weights = climb(start.weight_code, weight_ladders, weight_codes());
  const auto acts = climb(start.act_code, activation_ladders, activation_codes());
  std::vector<LayerRecipe> rungs;
  for (std::size_t i = 0; i < std::max(weights.size(), acts.size()); ++i) {
    rungs.push_back({weights[std::min(i, weights.size() - 1)], acts[std::min(i, acts.size() - 1)]});
  }
  return rungs;
}

}  // namespace bitsieve
