// The 2:4 mode of SPARQ (specification of SPARQ, A.3): a matrix product over indirect rows, as qgemm, in which every
// output channel pairs other activations. Of each group of four inputs an output channel keeps the weights of at most
// two, and these two decide which activations are a pair. There are only six such pairs, so each group of four becomes
// sixteen bytes, once for all output channels, of which an output channel needs two:
//
//   bytes 0 to 11: f(x0, x1) f(x1, x0)  f(x0, x2) f(x2, x0)  f(x0, x3) f(x3, x0)
//                  f(x1, x2) f(x2, x1)  f(x1, x3) f(x3, x1)  f(x2, x3) f(x3, x2)
//   bytes 12 to 15: f(x0, 0) f(x1, 0) f(x2, 0) f(x3, 0), for output channels that keep one
//
//   f(x, partner) = partner == 0 ? lone[x] : pair[x]
//
// Every kernel gives the same bits, as those of qgemm do.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/window/window.h"

namespace bitsieve {

inline constexpr std::int64_t bytes_of_four = 16;

struct TwoOfFourKernel {
  const char* name;
  Isa isa;

  // Reads 4 * groups bytes of each plane (WindowKernel::spread) and writes bytes_of_four * groups.
  void (*expand)(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out);

  // source: taps and depth count inputs, not expanded bytes; depth is a multiple of 4. Nothing when a group of four has
  // more than two weights that are not 0.
  std::optional<QGemmWeights> (*pack)(const QGemmSource& source);

  // args.rows: each to depth / 4 * bytes_of_four bytes that expand has written, of which no more are read; padding
  // points at zeros. args.scratch: scratch_bytes(weights) bytes aligned to 64. Thread safe.
  void (*run)(const QGemmArgs& args);
  std::int64_t (*scratch_bytes)(const QGemmView& weights);
  bool expanded_product = false;  // run is a dense product of all sixteen bytes, four times as long as without the mode
  bool needs_vbmi = false;        // and AVX-512 VBMI, besides isa
};

// The best kernel that a machine of level `isa` runs, and AVX-512 VBMI only if `vbmi`. A pure function of its
// arguments.
const TwoOfFourKernel& select_two_of_four(Isa isa, bool vbmi);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const TwoOfFourKernel*>& two_of_four_kernels();

}  // namespace bitsieve
