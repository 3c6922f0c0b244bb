// Integer convolution of the 2:4 mode: in each group of four weights of an output channel at most two are kept, and
// these two decide which activations are a pair (specification of SPARQ, A.3).
//
//   acc[m][n] = bias[n] + sum over groups of f(x0, x1) * w0 + f(x1, x0) * w1,   x0, x1: the inputs of the kept weights
//   f(x, partner) = paired && partner == 0 ? lone[x] : pair[x];  a group with one kept weight has the partner 0
//   out[m][n] = epilogue(acc[m][n], multiplier[n])
//
// Runs over blocks of pixels whose columns are turned once, so that vectors run along pixels. Every kernel gives the
// same bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "kernels/epilogue.h"
#include "kernels/window/window.h"

namespace bitsieve {

struct KeptPair {
  std::int32_t at[2];  // positions in the column; k means: nothing, its value is 0
  std::int32_t weight[2];
};

// What a kernel reads of packed weights; plain data, valid while the TwoOfFourWeights live.
struct TwoOfFourView {
  std::int64_t n = 0, k = 0;
  const KeptPair* pairs = nullptr;      // those of output channel o: first[o] to first[o + 1]
  const std::int64_t* first = nullptr;  // [n + 1]
  const std::int32_t* bias = nullptr;   // [n]
  const float* multiplier = nullptr;    // [n]
};

struct TwoOfFourWeights {
  std::int64_t n = 0, k = 0;
  std::vector<KeptPair> pairs;
  std::vector<std::int64_t> first;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;

  TwoOfFourView view() const { return {n, k, pairs.data(), first.data(), bias.data(), multiplier.data()}; }
};

// weight [n][k] in K order. Nothing when a group of four has more than two weights that are not 0.
std::optional<TwoOfFourWeights> pack_two_of_four(const std::int8_t* weight, const std::int32_t* bias,
                                                 const float* multiplier, std::int64_t n, std::int64_t k);

inline constexpr std::int64_t two_of_four_pixels = 64;  // of a block
std::size_t two_of_four_scratch(std::int64_t k);        // bytes

struct TwoOfFourArgs {
  std::int64_t m = 0;                         // at most two_of_four_pixels
  const std::uint8_t* const* rows = nullptr;  // [m][runs], each to run_length bytes; padding points at zeros
  std::int64_t runs = 0, run_length = 0;      // runs * run_length == k
  TwoOfFourView weights;
  WindowTables tables;
  bool signed_input = false;
  Epilogue epilogue;
  void* out = nullptr;
  std::int64_t out_stride = 0;      // elements between the rows of out
  std::uint8_t* scratch = nullptr;  // two_of_four_scratch(k) bytes, 64-byte aligned
};

struct TwoOfFourKernel {
  const char* name;
  Isa isa;
  void (*run)(const TwoOfFourArgs& args);  // thread safe where scratches differ
};

// The best kernel that needs no more than `isa`. A pure function of its argument.
const TwoOfFourKernel& select_two_of_four(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const TwoOfFourKernel*>& two_of_four_kernels();

}  // namespace bitsieve
