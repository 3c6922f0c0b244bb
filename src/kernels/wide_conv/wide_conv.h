// Convolutions of few channels, such as the first of a network, and others whose products take little time beside their
// inputs' way to them, over a copy of the image that is widened to 16 bits:
//
//   acc[m][n] = bias[n] + sum over t < taps, c < depth of pixels[m][offsets of (t, c)] * weight[n][t * depth + c]
//
// with the epilogue of qgemm. A filter's row is a few bytes there, so qgemm would gather and widen the inputs of every
// output pixel, which takes longer than their product. Here values are widened once, and all pixels share a table of
// where their inputs lie.
//
// Every kernel gives the bits of qgemm.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "kernels/qgemm/qgemm.h"

namespace bitsieve {

struct WideConvArgs {
  std::int64_t m = 0;
  const std::int16_t* const* pixels = nullptr;  // [m]: where the inputs of an output pixel start
  // [taps * depth / 2]: from there to each pair of values that lie side by side, in the order of the weights; in
  // values. Both values of a pair are read, also where the second meets a zero weight that fills a tap up.
  const std::int64_t* offsets = nullptr;
  QGemmView weights;  // packed by the same kernel
  Epilogue epilogue;
  void* out = nullptr;          // bytes or float
  std::int64_t out_stride = 0;  // elements between the rows of out
};

struct WideConvKernel {
  const char* name;
  Isa isa;
  // `count` bytes to as many values; reads and writes no more.
  void (*widen)(const std::uint8_t* from, std::int64_t count, bool is_signed, std::int16_t* to);
  QGemmWeights (*pack)(const QGemmSource& source);  // the depth is even
  void (*run)(const WideConvArgs& args);            // thread safe
};

// Whether that is expected to be faster than select_qgemm(isa, most_weight): a filter of `taps` runs of `run` values
// each, for n outputs, weights up to most_weight.
bool wide_conv_is_faster(Isa isa, std::int64_t n, std::int64_t taps, std::int64_t run, int most_weight);

// Null where bytes are multiplied four at a time (VNNI, dot products of Arm), and without vectors. A pure function of
// its argument.
const WideConvKernel* find_wide_conv(Isa isa);

// Every kernel of this build, whether or not this machine can run it.
const std::vector<const WideConvKernel*>& wide_conv_kernels();

}  // namespace bitsieve
