// Activations as training sees them: floats that are whole steps of a grid ("fake quantization"), and what a layer
// reads of them through an activation code. torch needs six passes over memory and more for each; these need one.
//
// Every kernel gives the same values: each lane does the same operations.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"

namespace bitsieve {

// y = round(clamp(x / step, lo, hi)) * step, halves to even; of a sum x = factor * x + other_factor * other, each
// product rounded. A NaN stays one.
struct FakeQuantizeArgs {
  std::int64_t count = 0;
  const float* x = nullptr;
  const float* other = nullptr;  // null: x as it is, without its factor
  float factor = 1, other_factor = 1;
  float* y = nullptr;
  std::uint8_t* inside = nullptr;  // out: 1 where low <= x <= high (relu: 0 < x <= high), where gradients pass; or null
  float step = 1;
  float lo = 0, hi = 255;     // codes, whole and below 2^20
  float low = 0, high = 255;  // the values of these codes
  bool relu = false;          // lo is 0, and what is not above it has no gradient
};

// Two neighbours (or lone values) on the grid, read: table[code of x], where codes are x / step rounded.
struct ReadCodesArgs {
  std::int64_t count = 0;
  std::int64_t stride = 1;                          // from value to value in all four
  const float *first = nullptr, *second = nullptr;  // second null: values without a neighbour
  float *first_read = nullptr, *second_read = nullptr;
  float step = 1;
  const float* pair = nullptr;  // [256] by the code's 8-bit pattern: values, where the neighbour is not zero
  const float* lone = nullptr;  // where it is zero or there is none
};

struct FakeQuantizeKernel {
  const char* name;
  Isa isa;
  // All thread safe.
  void (*quantize)(const FakeQuantizeArgs& args);
  void (*read)(const ReadCodesArgs& args);
  // out = inside ? factor * gradient : 0, with inside 0 or 1
  void (*pass)(std::int64_t count, const float* gradient, const std::uint8_t* inside, float factor, float* out);
};

const FakeQuantizeKernel& select_fake_quantize(Isa isa);
const std::vector<const FakeQuantizeKernel*>& fake_quantize_kernels();  // best first

}  // namespace bitsieve
