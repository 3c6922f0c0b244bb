// The one requantization, in the plain form that defines it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace bitsieve {

// clamp(round_half_even(float(acc) * multiplier), lo, hi). float(acc) rounds half to even above 2^24; the product is
// rounded once to float32. Exact and equal on every IEEE 754 machine; ONNX Runtime's QLinearConv does the same steps.
// multiplier must be finite.
inline std::int32_t requantize(std::int32_t acc, float multiplier, std::int32_t lo, std::int32_t hi) {
  const float scaled = static_cast<float>(acc) * multiplier;
  const float clamped = std::min(std::max(scaled, static_cast<float>(lo)), static_cast<float>(hi));
  return static_cast<std::int32_t>(std::nearbyintf(clamped));  // lo and hi are integers: clamping first is the same
}

}  // namespace bitsieve
