// Uniform grids: signed weights, and unsigned n-bit activations on the 8-bit scale.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "methods/weight_code.h"
#include "quant/model.h"

namespace bitsieve::uniform {

enum class ScaleRule {
  max_code,  // scale = max|w| / (2^(b-1) - 1), codes symmetric
  sparq,     // scale = 2 max|w| / (2^b - 1) (max/127.5 at 8 bits), codes down to -2^(b-1): SPARQ's code (spec A.1)
  mse,       // codes symmetric, the scale of least squared error among the clips i/100 of max|w|, i = 10 to 100
  // Codes symmetric: where the weights are whole multiples of a step already, max|w| being at most 2^(b-1) - 1 of them,
  // the coarsest such step; otherwise as max_code. What quantization-aware training leaves comes out as it is.
  exact,
};

struct QuantizedWeights {
  std::vector<std::int8_t> q;  // [outputs][k]
  std::vector<float> scale;    // [outputs], positive
};

// A step that all weights are whole multiples of, but for what float32 does to such numbers when they are multiplied a
// few times: the coarsest one with the largest weight `first` steps or more, `most` at most; step 0 where there is
// none.
struct ExactStep {
  float step = 0;
  int multiple = 0;  // steps of the largest weight
};
ExactStep exact_step(std::span<const float> w, int first, int most);

// Per output filter, or with one scale for all of them; round half to even, float32 throughout. Zeros alone get
// scale 1. Throws Error for NaN or infinity. bits: 2 to 8.
QuantizedWeights quantize_weights(const float* w, std::int64_t outputs, std::int64_t k, int bits, ScaleRule rule,
                                  bool per_tensor = false);

// intB, intB-sparq, intB-mse or intB-exact, then -tensor; B from 2 to 8. Nothing for any other text.
// With `exact` the weights say how many bits they need, B at most.
std::optional<WeightCode> weight_code(std::string_view name);

// The naive rival (spec A.5): quantizing the real value with 2^bits levels over the same range; bits 2 to 7.
//   u8: x -> round(step * round(x / step)), step = 255 / (2^bits - 1); exact for 2 and 4 bits
//   s8: the same on magnitudes with step = 127 / (2^(bits-1) - 1): a sign and bits - 1 bits, levels to the nearest
//   integer
// Rounding is half to even.
ActivationTransform make_transform(int bits, bool is_signed);

}  // namespace bitsieve::uniform
