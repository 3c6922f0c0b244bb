// Integer depthwise convolution (one filter per channel) of a row of pixels.
//
//   acc[m][c] = bias[c] + sum over t < taps of x[m][t][c] * weight[t][c],   x[m][t][c] = taps[t][m * step + c]
//   out[m][c] = epilogue(acc[m][c], multiplier[c])
//
// Every kernel gives the same bits. No kernel reads or writes outside the `channels` bytes or values of a pixel.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "kernels/epilogue.h"

namespace bitsieve {

// What a kernel reads of packed weights; plain data, valid while the QDepthwiseWeights live.
struct QDepthwiseView {
  std::int64_t channels = 0, taps = 0;
  const std::uint8_t* data = nullptr;         // in the kernel's own layout
  const std::int32_t* bias = nullptr;         // in the kernel's own order of channels
  const std::int32_t* bias_signed = nullptr;  // bias - 128 * sum of weights, same order
  const float* multiplier = nullptr;          // same order
  bool multipliers_below_one = false;         // in magnitude, all: a sum times one stays an int32
};

// Owns packed weights. Movable; the view stays valid because vectors keep their storage when moved.
struct QDepthwiseWeights {
  QDepthwiseView view;
  std::vector<PackedLine> lines;
  std::vector<std::int32_t> bias, bias_signed;
  std::vector<float> multiplier;

  QDepthwiseWeights() = default;
  QDepthwiseWeights(QDepthwiseWeights&&) = default;
  QDepthwiseWeights& operator=(QDepthwiseWeights&&) = default;
};

struct QDepthwiseSource {
  std::int64_t channels = 0, taps = 0;
  const std::int8_t* weight = nullptr;  // [taps][channels]
  const std::int32_t* bias = nullptr;   // [channels], or null for zeros
  const float* multiplier = nullptr;    // [channels], finite
};

struct QDepthwiseArgs {
  std::int64_t m = 0;                         // pixels
  const std::uint8_t* const* taps = nullptr;  // where each tap reads for the first pixel; padding points at zeros
  std::int64_t step = 0;                      // bytes from there to the next pixel's
  QDepthwiseView weights;                     // packed by the same kernel
  bool signed_input = false;                  // the bytes are s8
  Epilogue epilogue;
  void* out = nullptr;          // bytes or float
  std::int64_t out_stride = 0;  // elements between the pixels of out

  // Paired activations: per channel, taps (0, 1), (2, 3), ... are pairs, an odd last tap has no partner. taps lead to
  // the values before the transform, which say whether a partner is 0; what a value becomes beside a partner that is
  // not 0, and beside one that is, lies at fixed distances from it (ActivationTransform's tables pair and lone, looked
  // up once per value although a value has another partner at each tap):
  //   x[m][t][c] = taps[t][m * step + c + (partner is 0 or missing ? lone_offset : pair_offset)]
  // Both tables keep 0 at 0.
  bool paired = false;
  std::int64_t pair_offset = 0, lone_offset = 0;
};

struct QDepthwiseKernel {
  const char* name;
  Isa isa;
  QDepthwiseWeights (*pack)(const QDepthwiseSource& source);
  void (*run)(const QDepthwiseArgs& args);  // thread safe
};

// The best kernel that a machine of level `isa` runs. A pure function of its argument.
const QDepthwiseKernel& select_qdepthwise(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const QDepthwiseKernel*>& qdepthwise_kernels();

}  // namespace bitsieve
