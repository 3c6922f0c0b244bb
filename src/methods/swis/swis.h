// SWIS as weight codes: 8-bit integers, then shared shifts (specification of SWIS, A.1 to A.6).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "methods/swis/decompose.h"
#include "methods/weight_code.h"

namespace bitsieve::swis {

struct Options {
  double shifts = 3;         // on average, 1 to 8
  std::int64_t group = 4;    // M
  bool consecutive = false;  // SWIS-C
  Alpha alpha;               // of MSE++
  bool measured_alpha = false;
  bool joint = false;       // joint rounding
  bool flat = false;        // groups run on through the taps of a filter, as they do where the depth is 1
  bool per_tensor = false;  // one scale for the layer
  // Filters that lie on such a grid already (what training leaves) come out as they are; others as without.
  bool exact = false;
  // The schedule: none for a whole number of shifts without these. Otherwise two levels, or with `any_level` any.
  bool any_level = false;
  bool even = false;         // even numbers only, for units with two shifters
  std::int64_t columns = 8;  // C, filters that share a number of shifts
};

// swis-nN-mM or swisc-nN-mM, then options in any order, each once: -mse, -alphaA (A a multiple of 1/8 up to 8),
// -measured, -joint, -flat, -tensor, -exact, -any, -even, -cC. Nothing for any other text.
std::optional<Options> parse_name(std::string_view name);

// The same name with another number of shifts: "swis-n3-m4-mse" with 2.5 is "swis-n2.5-m4-mse".
std::string with_shifts(std::string_view name, double shifts);

CodedWeights quantize_weights(const WeightInput& input, const Options& options);

// The row of the table.
std::optional<WeightCode> weight_code(std::string_view name);

}  // namespace bitsieve::swis
