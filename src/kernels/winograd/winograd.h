// 3 x 3 convolutions of stride 1 with 16 multiplications for four outputs instead of 36: Winograd's F(2 x 2, 3 x 3)
// (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks", section 4.1), in exact integers.
//
//   Y = A^T [ (G g G^T) * (B^T d B) ] A    d: 4 x 4 inputs, g: 3 x 3 weights, Y: 2 x 2 outputs, *: element by element
//
// G holds halves. With 2 G in its place every number is an integer and the result is 4 Y, so the sums over channels are
// divided by 4 at the end, which leaves nothing. Only 4 Y has to fit 32 bits: sums on the way may wrap. Transformed
// inputs are sums of four bytes, transformed weights of nine: both fit 16 bits, which costs nothing where products are
// made of 16-bit numbers anyway, as with AVX2. Where bytes are multiplied four at a time (VNNI, dot products of Arm)
// the direct product is as fast.
//
// Every kernel gives the bits of qgemm.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "kernels/qgemm/qgemm.h"

namespace bitsieve {

inline constexpr std::int64_t winograd_tile = 2;    // outputs on a side
inline constexpr std::int64_t winograd_depth = 16;  // least depth; any multiple of 4 from there on

struct WinogradArgs {
  // [height][width][depth] bytes: the inputs of output row `first_row` and below, padding written out. Nothing else is
  // read; what a tile sees beyond meets only outputs that are not there.
  const std::uint8_t* image = nullptr;
  std::int64_t height = 0, width = 0;
  bool signed_input = false;                   // the bytes are s8
  std::int64_t first_row = 0;                  // even
  std::int64_t out_height = 0, out_width = 0;  // of the whole output
  // Tiles, counted row by row from the first of the whole output; at most winograd_tiles, none above first_row.
  std::int64_t begin = 0, end = 0;
  QGemmView weights;  // packed by the same kernel
  Epilogue epilogue;
  void* out = nullptr;              // the whole output, bytes or float
  std::int64_t out_stride = 0;      // elements between pixels
  std::uint8_t* scratch = nullptr;  // winograd_scratch_bytes(weights), aligned to 64
};

struct WinogradKernel {
  const char* name;
  Isa isa;
  QGemmWeights (*pack)(const QGemmSource& source);  // of 9 taps, row by row
  void (*run)(const WinogradArgs& args);            // thread safe
};

// Whether the weights can be multiplied this way: enough channels, and four times any sum fits 32 bits.
bool winograd_fits(const QGemmSource& source);

// The most tiles of one call, and the best number of them.
std::int64_t winograd_tiles(const QGemmView& weights);
std::int64_t winograd_scratch_bytes(const QGemmView& weights);

// Null where the direct product of that level is as fast. A pure function of its argument.
const WinogradKernel* find_winograd(Isa isa);

// Every kernel of this build, whether or not this machine can run it.
const std::vector<const WinogradKernel*>& winograd_kernels();

}  // namespace bitsieve
