// What to do to which layer. The TOML form is described in docs/recipes.md.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace bitsieve {

// Codes of conv and linear layers; names are rows of the tables in methods/methods.h, or "float".
struct LayerRecipe {
  std::string weight_code = "int8";
  std::string act_code = "int8";
  bool operator==(const LayerRecipe&) const = default;
};

// How a value's clipping range is chosen from its statistics (quant/calibration.h, choose_range).
enum class RangeRule {
  minmax,      // largest value seen
  mean_max,    // mean over images of the per-image maximum: SPARQ's own rule (specification A.1)
  percentile,  // Recipe::percentile of all magnitudes
  mse,         // least squared error of the 8-bit values
  kl,          // least Kullback-Leibler divergence between the histograms before and after
};

// What happens to the first convolution and the classifier.
enum class FirstLast {
  int8,          // 8-bit weights and activations (default; the authors keep them out of SPARQ)
  keep_float,    // float, as in the authors' code
  same,          // like every other layer
};

// Correction without labels after quantizing: each output channel is matched to the float network.
enum class Repair { none, mean, gain };  // gain: mean and gain

struct LayerRule {
  std::string pattern;  // ECMAScript regular expression, searched in the node's name
  std::string weight_code, act_code;  // empty: as before
  bool operator==(const LayerRule&) const = default;
};

struct Recipe {
  std::string name;                 // short name, e.g. "sparq-5opt-round"
  LayerRecipe layers;               // for every layer ...
  std::vector<LayerRule> rules;     // ... but those that match; later rules win
  FirstLast first_last = FirstLast::int8;
  RangeRule range = RangeRule::mean_max;
  double percentile = 99.99;        // for RangeRule::percentile, in percent, (0, 100]
  int act_top = 255;                // code that a u8 range's end is mapped to, 1 to 255 (240: what 4-bit windows represent)
  Repair repair = Repair::none;
  bool equalize = false;            // cross-layer equalization before quantizing
  bool recalibrate_norms = false;   // batch norm statistics again, with the quantized layers running (SPARQ's own way)
  bool prune_two_of_four = false;   // magnitude pruning to 2:4 along input channels before quantizing
  bool operator==(const Recipe&) const = default;
};

}  // namespace bitsieve
