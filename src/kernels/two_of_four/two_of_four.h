// The 2:4 mode of SPARQ as a dense product (specification of SPARQ, A.3). Of each group of four inputs an output
// channel keeps the weights of at most two, and these two decide which activations are a pair. There are only six such
// pairs, so each group of four becomes sixteen bytes, once for all output channels, and each output channel has weights
// for the ones it keeps and zeros for the others:
//
//   bytes 0 to 11: f(x0, x1) f(x1, x0)  f(x0, x2) f(x2, x0)  f(x0, x3) f(x3, x0)
//                  f(x1, x2) f(x2, x1)  f(x1, x3) f(x3, x1)  f(x2, x3) f(x3, x2)
//   bytes 12 to 15: f(x0, 0) f(x1, 0) f(x2, 0) f(x3, 0), for output channels that keep one
//
//   f(x, partner) = partner == 0 ? lone[x] : pair[x]
//
// The product itself is qgemm's, four times as long as without the mode.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "kernels/window/window.h"

namespace bitsieve {

inline constexpr std::int64_t bytes_of_four = 16;

// weight [n][k] in K order; the result is [n][ceil(k / 4) * bytes_of_four]. Nothing when a group of four has more than
// two weights that are not 0.
std::optional<std::vector<std::int8_t>> expand_weights(const std::int8_t* weight, std::int64_t n, std::int64_t k);

struct TwoOfFourKernel {
  const char* name;
  Isa isa;
  // Reads 4 * groups bytes of each plane (WindowKernel::spread) and writes bytes_of_four * groups.
  void (*expand)(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out);
};

// The best kernel that a machine of level `isa` runs. A pure function of its argument.
const TwoOfFourKernel& select_two_of_four(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const TwoOfFourKernel*>& two_of_four_kernels();

}  // namespace bitsieve
