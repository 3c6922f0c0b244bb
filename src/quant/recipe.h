// What to do to which layer.
#pragma once
#include <string>
#include <vector>

namespace bitsieve {

// Codes of conv and linear layers; names are rows of the tables in methods/methods.h, or "float".
struct LayerRecipe {
  std::string weight_code = "int8";
  std::string act_code = "int8";
};

enum class RangeRule {
  minmax,    // largest value seen
  mean_max,  // mean over images of the per-image maximum: SPARQ's own rule (specification A.1)
};

// What happens to the first convolution and the classifier.
enum class FirstLast {
  int8,          // 8-bit weights and activations (default; the authors keep them out of SPARQ)
  keep_float,    // float, as in the authors' code
  same,          // like every other layer
};

struct LayerRule {
  std::string pattern;  // ECMAScript regular expression, searched in the node's name
  LayerRecipe codes;
};

struct Recipe {
  std::string name;                 // short name, e.g. "sparq-5opt-round"
  LayerRecipe layers;               // for every layer ...
  std::vector<LayerRule> rules;     // ... but those that match; later rules win
  FirstLast first_last = FirstLast::int8;
  RangeRule range = RangeRule::mean_max;
  int act_top = 255;                // code that the range's end is mapped to, 1 to 255 (240: what 4-bit windows represent)
};

}  // namespace bitsieve
