// The largest of rows of values, place by place: max pooling of one output pixel, whose rows are the pixels it sees.
//
//   out[i] = rows[0][i], then replaced by rows[1][i] if that is larger, and so on: equal values, zeros of either sign
//            among them, do not replace each other
//
// Floats start from -infinity instead of the first row, so that a NaN, which is not larger, is passed over. Every
// kernel gives the same bits, and reads and writes no more than n values of a row.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"

namespace bitsieve {

struct MaxRowsKernel {
  const char* name;
  Isa isa;
  // count >= 1. out overlaps no row.
  void (*u8)(const std::uint8_t* const* rows, std::int64_t count, std::int64_t n, std::uint8_t* out);
  void (*s8)(const std::int8_t* const* rows, std::int64_t count, std::int64_t n, std::int8_t* out);
  void (*f32)(const float* const* rows, std::int64_t count, std::int64_t n, float* out);
};

// The best kernel that a machine of level `isa` runs. A pure function of its argument.
const MaxRowsKernel& select_max_rows(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const MaxRowsKernel*>& max_rows_kernels();

}  // namespace bitsieve
