// What to do to which layer. The TOML form is described in docs/recipes.md.
#pragma once
#include <functional>
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

// How a value's clipping range is chosen from its statistics (quant/range.h, choose_range).
enum class RangeRule {
  minmax,      // largest value seen
  mean_max,    // mean over images of the per-image maximum: SPARQ's own rule (specification A.1)
  percentile,  // Recipe::percentile of all magnitudes
  mse,         // least squared error of the 8-bit values
  kl,          // least Kullback-Leibler divergence between the histograms before and after
};

// What happens to the first convolution and the classifier.
enum class FirstLast {
  int8,        // 8-bit weights and activations (default; the authors keep them out of SPARQ)
  keep_float,  // float, as in the authors' code
  same,        // like every other layer
};

// Correction without labels after quantizing: each output channel is matched to the float network.
enum class Repair { none, mean, gain };  // gain: mean and gain

// How weights are rounded to their code's grid: each to the nearest value, or all of a filter together, up or down, so
// that the layer's outputs on calibration images come near the float network's (compress/learn_rounding.h).
enum class Rounding { nearest, learned };

struct LayerRule {
  std::string pattern;                // ECMAScript regular expression, searched in the node's name
  std::string weight_code, act_code;  // empty: as before
  bool operator==(const LayerRule&) const = default;
};
constexpr std::size_t max_pattern = 4000;  // characters, repetitions {n} written out

struct Recipe {
  std::string name;              // short name, e.g. "sparq-5opt-round"
  LayerRecipe layers;            // for every layer ...
  std::vector<LayerRule> rules;  // ... but those that match; later rules win, over first_last as well
  FirstLast first_last = FirstLast::int8;
  RangeRule range = RangeRule::mean_max;
  double percentile = 99.99;  // for RangeRule::percentile, in percent, (0, 100]
  int act_top = 255;          // code that a u8 range's end is mapped to, 1 to 255 (240: what 4-bit windows represent)
  Rounding rounding = Rounding::nearest;
  Repair repair = Repair::none;
  bool equalize = false;           // cross-layer equalization before quantizing
  bool recalibrate_norms = false;  // batch norm statistics again, with the quantized layers running (SPARQ's own way)
  bool prune_two_of_four = false;  // magnitude pruning to 2:4 along input channels before quantizing
  bool operator==(const Recipe&) const = default;
};

// Spellings, in TOML and on the command line alike.
template <class T>
struct Named {
  std::string_view name;
  T value;
};
inline constexpr Named<RangeRule> range_rules[] = {{"minmax", RangeRule::minmax},
                                                   {"mean-max", RangeRule::mean_max},
                                                   {"percentile", RangeRule::percentile},
                                                   {"mse", RangeRule::mse},
                                                   {"kl", RangeRule::kl}};
inline constexpr Named<FirstLast> first_last_rules[] = {
    {"int8", FirstLast::int8}, {"float", FirstLast::keep_float}, {"same", FirstLast::same}};
inline constexpr Named<Repair> repairs[] = {{"none", Repair::none}, {"mean", Repair::mean}, {"gain", Repair::gain}};
inline constexpr Named<Rounding> roundings[] = {{"nearest", Rounding::nearest}, {"learned", Rounding::learned}};
inline constexpr Named<bool> prunings[] = {{"none", false}, {"2:4", true}};

std::string_view name_of(RangeRule rule);
std::string_view name_of(FirstLast rule);
std::string_view name_of(Repair repair);
std::string_view name_of(Rounding rounding);
// Throw Error of kind usage that lists what is allowed; `option` is what the user wrote it for, e.g. "--calib-method".
RangeRule range_rule_named(std::string_view name, const std::string& option);
FirstLast first_last_named(std::string_view name, const std::string& option);
Repair repair_named(std::string_view name, const std::string& option);
Rounding rounding_named(std::string_view name, const std::string& option);

// The names that codes may have besides "float". The tables are above this folder; callers pass them down.
struct CodeNames {
  struct Kind {
    std::function<bool(const std::string& name)> known;
    std::string allowed;  // for messages
  };
  Kind weights, activations;
};

// Keys left out keep their defaults. Throws Error naming `origin`, line, key and what is allowed. Without `codes`, any
// name of a code is taken and quantize() is the one to refuse it.
Recipe parse_recipe(std::string_view toml, const std::string& origin, const CodeNames* codes = nullptr);

// Every key, defaults included; parse_recipe() gives back the same recipe. Throws Error where a string is not UTF-8.
std::string to_toml(const Recipe& recipe);

// Command line. All throw Error of kind usage.
// --layer 'REGEX=key:value,...': keys weights, activations, w-bits (2 to 8), a-bits (8 or 4). Splits at the last '='.
void apply_layer_option(Recipe& recipe, const std::string& text);
// Throws Error where the pattern of a rule is not a regular expression, or too long.
void require_pattern(const std::string& pattern);
// --exclude REGEX: these layers stay float.
void apply_exclude_option(Recipe& recipe, const std::string& pattern);
// --w-bits N: "int2" to "int8"; --a-bits N: 8 is "int8", 4 is "act4-uniform".
std::string weight_code_of_bits(std::string_view bits, const std::string& option);
std::string act_code_of_bits(std::string_view bits, const std::string& option);

// One entry per node; {"float", "float"} for nodes other than conv and linear, where nothing reads it. A code "float"
// on either side, after all rules, makes both float. `warnings` gets a line for every rule that matches no layer.
// Throws Error for a pattern that is not a regular expression, or too long.
std::vector<LayerRecipe> resolve(const Graph& graph, const Recipe& recipe,
                                 std::vector<std::string>* warnings = nullptr);

// The same recipe spelled out: first_last is `same` and every conv and linear has a rule of its own, anchored and
// escaped. resolve() gives the same result for it.
Recipe resolved(const Graph& graph, const Recipe& recipe);

}  // namespace bitsieve
