// The requantization of quant/requantize.h in a form that compilers vectorise. Internal linkage on purpose: this file
// is compiled for several instruction sets.
#pragma once
#include <cstdint>

namespace bitsieve {
namespace {

// Adding and subtracting 1.5 * 2^23 rounds half to even where |x| <= 2^22; lo and hi keep x far inside.
[[maybe_unused]] inline std::int32_t requantize_fast(std::int32_t acc, float multiplier, float lo, float hi) {
  constexpr float kMagic = 12582912.0f;
  float x = static_cast<float>(acc) * multiplier;
  x = x < lo ? lo : x;
  x = x > hi ? hi : x;
  return static_cast<std::int32_t>((x + kMagic) - kMagic);
}

}  // namespace
}  // namespace bitsieve
