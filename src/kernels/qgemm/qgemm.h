// Integer matrix product over indirect rows: NHWC convolution and linear layers.
//
//   acc[m][n] = bias[n] + sum over t < taps, c < depth of rows[m * taps + t][c] * weight[n][t * depth + c]
//   out[m][n] = epilogue(acc[m][n], multiplier[n])
//
// Every kernel gives the same bits: int32 sums are exact (the caller keeps |acc| below 2^31) and the epilogue is fixed.
// No kernel reads outside the `depth` bytes of a row, or writes outside the `n` values of an output row.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/cpu.h"
#include "kernels/epilogue.h"

namespace bitsieve {

// What a kernel reads of packed weights; plain data, valid while the QGemmWeights live.
struct QGemmView {
  std::int64_t n = 0, taps = 0, depth = 0;
  // A depth that is no multiple of 4 is gathered into one dense row per output first: then run_taps == 1.
  bool gather = false;
  std::int64_t run_taps = 0, quads = 0;       // taps and groups of four bytes per tap that the inner loop sees
  const std::uint8_t* data = nullptr;         // in the kernel's own layout
  const std::int32_t* bias = nullptr;         // [n rounded up to 16], zero filled
  const std::int32_t* bias_signed = nullptr;  // bias - 128 * sum of weights: for s8 bytes read as u8 after xor 0x80
  const float* multiplier = nullptr;          // [n rounded up to 16], zero filled
  bool multipliers_below_one = false;         // in magnitude, all: a sum times one stays an int32
  // For kernels whose products of pairs saturate, else null: the largest sum of a pair of values whose products fit 16
  // bits in every column. Of u8 with weights, and of the magnitudes of s8 with weights + 128.
  const std::int16_t *most_of_pair = nullptr, *most_of_signed_pair = nullptr;
};

// Owns packed weights. Movable; the view stays valid because vectors keep their storage when moved.
struct QGemmWeights {
  QGemmView view;
  std::vector<PackedLine> lines;
  std::vector<std::int32_t> bias, bias_signed;
  std::vector<float> multiplier;
  std::vector<std::int16_t> most_of_pair;  // of both views

  QGemmWeights() = default;
  QGemmWeights(QGemmWeights&&) = default;
  QGemmWeights& operator=(QGemmWeights&&) = default;
};

struct QGemmSource {
  std::int64_t n = 0, taps = 0, depth = 0;
  const std::int8_t* weight = nullptr;  // [n][taps * depth]
  const std::int32_t* bias = nullptr;   // [n], or null for zeros
  const float* multiplier = nullptr;    // [n], finite
};

struct QGemmArgs {
  std::int64_t m = 0;
  const std::uint8_t* const* rows = nullptr;  // [m][taps], each to `depth` bytes; padding points at zeros
  QGemmView weights;                          // packed by the same kernel
  bool signed_input = false;                  // the bytes are s8
  Epilogue epilogue;
  void* out = nullptr;          // bytes or float
  std::int64_t out_stride = 0;  // elements between the rows of out
  // qgemm_scratch_bytes(weights) bytes aligned to 64, or null: then a buffer of the calling thread, which grows when
  // needed.
  std::uint8_t* scratch = nullptr;
};

// Enough for every kernel.
std::int64_t qgemm_scratch_bytes(const QGemmView& view);

struct QGemmKernel {
  const char* name;
  Isa isa;
  QGemmWeights (*pack)(const QGemmSource& source);
  void (*run)(const QGemmArgs& args);  // thread safe
  int most_weight = 128;               // |weight| has to be no more
  // What callers pad the depth of a tap to a multiple of, where they can: 1 where the kernel copies rows anyway.
  std::int64_t depth_multiple = 4;
};

// The best kernel that a machine of level `isa` runs and multiplies weights up to `most_weight`, -128 included. A pure
// function of its arguments.
const QGemmKernel& select_qgemm(Isa isa, int most_weight = 128);

// The largest |weight| of these.
int most_weight(std::span<const std::int8_t> weights);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const QGemmKernel*>& qgemm_kernels();

}  // namespace bitsieve
