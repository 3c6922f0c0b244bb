// The ways back from a narrow code to 8 bits: THE TABLE of ladders.
#pragma once
#include <string>
#include <vector>

#include "quant/recipe.h"

namespace bitsieve {

// The codes a layer can be given instead of `start`, which comes first, each more precise than the one before; the last
// one has 8-bit weights and activations. Weights and activations climb together, one step at a time, each until it is
// at 8 bits. A code in no ladder goes to int8 in one step; 8-bit codes and "float" stay what they are. One entry: there
// is nothing to climb.
std::vector<LayerRecipe> ladder(const LayerRecipe& start);

}  // namespace bitsieve
