// The recipes that `auto` walks through.
#pragma once
#include <vector>

#include "quant/recipe.h"

namespace bitsieve::cli {

// INT8, with ranges of least squared error too; every SPARQ option with and without rounding and value sparsity;
// uniform 4-bit activations, the naive rival; 4-bit weights; and, where there are images to repair on, the ones that
// repair helps. `base` gives everything else.
std::vector<Recipe> auto_recipes(const Recipe& base, bool with_repair);

}  // namespace bitsieve::cli
