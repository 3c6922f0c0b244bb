// Element-by-element work on 8-bit values, rescaled by requantize of quant/requantize.h.
//
//   add:        out[i] = requantize(a * x[i] + b * y[i], multiplier, lo, hi)
//   mul:        out[i] = requantize(x[i] * y[i], multiplier, lo, hi)
//   requantize: out[i] = requantize(x[i], multiplier, lo, hi)
//   lut:        out[i] = table[x[i]]
//   quantize:   out[i] = round_half_even(min(max(x[i] / scale, lo), hi)), x finite
//   dequantize: out[i] = float(x[i]) * scale
//
// out holds the low 8 bits; it may be x or y itself, otherwise they must not overlap. Every kernel gives the same bits.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"

namespace bitsieve {

struct Bytes8 {
  const std::uint8_t* data = nullptr;
  bool is_signed = false;
};

struct Rescale {
  float multiplier = 1;           // finite
  std::int32_t lo = 0, hi = 255;  // -128 <= lo <= hi <= 255
};

struct ElementwiseKernel {
  const char* name;
  Isa isa;
  // a and b fit int16.
  void (*add)(Bytes8 x, Bytes8 y, std::int32_t a, std::int32_t b, Rescale rescale, std::uint8_t* out, std::int64_t n);
  void (*mul)(Bytes8 x, Bytes8 y, Rescale rescale, std::uint8_t* out, std::int64_t n);
  void (*requantize)(Bytes8 x, Rescale rescale, std::uint8_t* out, std::int64_t n);
  void (*lut)(const std::uint8_t* x, const std::uint8_t* table, std::uint8_t* out, std::int64_t n);
  void (*quantize)(const float* x, float scale, std::int32_t lo, std::int32_t hi, std::uint8_t* out, std::int64_t n);
  void (*dequantize)(Bytes8 x, float scale, float* out, std::int64_t n);
};

// The best kernel that a machine of level `isa` runs. A pure function of its argument.
const ElementwiseKernel& select_elementwise(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const ElementwiseKernel*>& elementwise_kernels();

}  // namespace bitsieve
