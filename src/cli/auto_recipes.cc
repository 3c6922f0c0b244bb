#include "cli/auto_recipes.h"

#include <fmt/format.h>

namespace bitsieve::cli {

std::vector<Recipe> auto_recipes(const Recipe& base, bool with_repair) {
  std::vector<Recipe> list;
  const auto add = [&](std::string name, const char* weights, const std::string& activations, Repair repair) {
    Recipe recipe = base;
    recipe.name = std::move(name);
    recipe.layers = {weights, activations};
    if (repair != Repair::none) recipe.repair = repair;
    list.push_back(std::move(recipe));
  };
  add("int8", "int8", "int8", Repair::none);
  if (base.range != RangeRule::mse) {  // often the better one at 8 bits, and the worse one for windows
    add("int8-range-mse", "int8", "int8", Repair::none);
    list.back().range = RangeRule::mse;
  }
  for (const char* option : {"5opt", "3opt", "2opt", "6opt", "7opt"}) {
    for (const char* rest : {"round", "trim", "round-novs", "trim-novs"}) {
      const std::string code = fmt::format("sparq-{}-{}", option, rest);
      add(code, "int8", code, Repair::none);
    }
  }
  add("act4-uniform", "int8", "act4-uniform", Repair::none);
  add("sparq-5opt-round-w4", "int4", "sparq-5opt-round", Repair::none);
  // Weights: SWIS, then what it has to be better than.
  for (const char* code : {"swis-n2-m4", "swis-n2.5-m4", "swis-n3-m4", "swis-n4-m4", "swisc-n3-m4", "swisc-n4-m4",
                           "int4-mse", "int5-mse", "trunc-n4", "trunc-n4-floor"}) {
    add(code, code, "int8", Repair::none);
  }
  add("sparq-5opt-round-swis-n3-m4", "swis-n3-m4", "sparq-5opt-round", Repair::none);
  if (!with_repair || base.repair != Repair::none) return list;
  add("int8-gain", "int8", "int8", Repair::gain);
  for (const char* code : {"sparq-5opt-round", "sparq-5opt-trim", "sparq-2opt-trim"}) {
    add(fmt::format("{}-gain", code), "int8", code, Repair::gain);
  }
  add("sparq-5opt-round-w4-gain", "int4", "sparq-5opt-round", Repair::gain);
  for (const char* code : {"swis-n2-m4", "swis-n3-m4", "swisc-n3-m4", "int4-mse"}) {
    add(fmt::format("{}-gain", code), code, "int8", Repair::gain);
    add(fmt::format("sparq-5opt-round-{}-gain", code), code, "sparq-5opt-round", Repair::gain);
  }
  for (const char* code : {"swis-n2-m4", "swisc-n2-m4", "int3-mse"}) {
    add(fmt::format("{}-learned-gain", code), code, "int8", Repair::gain);
    list.back().rounding = Rounding::learned;
  }
  return list;
}

}  // namespace bitsieve::cli
