// Weight codes with one set of bit positions for a whole layer: what SWIS is compared with (specification of SWIS,
// A.8).
#pragma once
#include <optional>
#include <string_view>

#include "methods/weight_code.h"

namespace bitsieve::truncation {

struct Options {
  int shifts = 4;           // N positions, 1 to 8
  bool consecutive = true;  // a window of bits; otherwise any set
  bool floor = false;       // bits outside are dropped (u & B); otherwise the nearest magnitude, a tie to the smaller
  bool per_tensor = false;  // one scale for the layer
};

// trunc-nN[-floor][-tensor], static-nN[-tensor]. Nothing for any other text.
std::optional<Options> parse_name(std::string_view name);

// The set is the one of least squared error over the layer, in real units; the first of several.
CodedWeights quantize_weights(const WeightInput& input, const Options& options);

std::optional<WeightCode> weight_code(std::string_view name);

}  // namespace bitsieve::truncation
