// Float convolution, NHWC: dense (also linear layers) over indirect rows, depthwise over a row of pixels.
//
//   dense:     acc = bias[n]; for t, for c: acc = fma(rows[m * taps + t][c], weight[n][t * depth + c], acc)
//   depthwise: acc = bias[c]; for t:        acc = fma(taps[t][m * step + c], weight[t][c], acc)
//   out = min(max(acc, clamp_lo), clamp_hi)
//
// A product and its sum are rounded once, as by a fused multiply-add, and in this order on every machine, so all
// kernels and the plain loop give the same bits, those of a NaN aside. Where a machine has no such instruction it is
// computed by doubles. No kernel reads or writes outside the rows or pixels.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "kernels/epilogue.h"

namespace bitsieve {

// Plain data, valid while the F32Weights live.
struct F32View {
  std::int64_t n = 0, taps = 0, depth = 0;  // depthwise: n channels, depth 1
  const float* weight = nullptr;            // [n / 16 rounded up][taps * depth][16], zero filled
  const float* bias = nullptr;              // [n rounded up to 16]
};

// Owns packed weights, the same for every kernel. Movable.
struct F32Weights {
  F32View view;
  std::vector<PackedLine> lines;
  std::vector<float> bias;

  F32Weights() = default;
  F32Weights(F32Weights&&) = default;
  F32Weights& operator=(F32Weights&&) = default;
};

// weight [n][taps * depth]; bias [n] or null for zeros.
F32Weights pack_f32conv(const float* weight, const float* bias, std::int64_t n, std::int64_t taps, std::int64_t depth);

// weight [taps][channels]; bias [channels] or null for zeros.
F32Weights pack_f32depthwise(const float* weight, const float* bias, std::int64_t channels, std::int64_t taps);

struct F32ConvArgs {
  std::int64_t m = 0;
  const float* const* rows = nullptr;  // [m][taps], each to `depth` floats; padding points at zeros
  F32View weights;
  float clamp_lo = -__builtin_inff(), clamp_hi = __builtin_inff();
  float* out = nullptr;
  std::int64_t out_stride = 0;  // floats between the rows of out
};

struct F32DepthwiseArgs {
  std::int64_t m = 0;                  // pixels
  const float* const* taps = nullptr;  // where each tap reads for the first pixel; padding points at zeros
  std::int64_t step = 0;               // floats from there to the next pixel's
  F32View weights;
  float clamp_lo = -__builtin_inff(), clamp_hi = __builtin_inff();
  float* out = nullptr;
  std::int64_t out_stride = 0;  // floats between the pixels of out
};

struct F32ConvKernel {
  const char* name;
  Isa isa;
  void (*run)(const F32ConvArgs& args);                 // weights from pack_f32conv
  void (*run_depthwise)(const F32DepthwiseArgs& args);  // weights from pack_f32depthwise
};

// The best kernel that a machine of level `isa` runs. A pure function of its argument.
const F32ConvKernel& select_f32conv(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const F32ConvKernel*>& f32conv_kernels();

}  // namespace bitsieve
