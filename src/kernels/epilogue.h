// What the integer kernels do with a finished accumulator.
#pragma once
#include <cstdint>

namespace bitsieve {

struct Epilogue {
  bool to_float = false;
  // to_float == false: out is bytes, the low 8 bits of requantize(acc, multiplier[n], lo, hi) of quant/requantize.h;
  // u8 and s8 outputs differ by lo and hi only. -128 <= lo <= hi <= 255.
  std::int32_t lo = 0, hi = 255;
  // to_float == true: out is float, float(acc) * multiplier[n] clamped to [clamp_lo, clamp_hi].
  float clamp_lo = -__builtin_inff(), clamp_hi = __builtin_inff();
};

// 64 bytes that start a cache line: the unit of packed weights.
struct alignas(64) PackedLine {
  std::uint8_t bytes[64];
};

}  // namespace bitsieve
