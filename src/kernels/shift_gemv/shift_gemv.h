// Integer matrix-vector products whose weights stay packed in memory as shared shifts (SWIS) and are decoded in
// registers: where a matrix does not fit the cache, time is bytes read, and these are fewer than one a weight.
//
//   acc[n] = bias[n] + sum over i < k of x[i] * weight[n][i]
//   out[n] = epilogue(acc[n], multiplier[n])
//
// Every kernel gives the bits that qgemm gives with m == 1: int32 sums are exact (the caller keeps |acc| below 2^31)
// and the epilogue is fixed. No kernel reads outside the k bytes of x, or writes outside out[first] to out[last - 1].
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "kernels/epilogue.h"

namespace bitsieve {

// Rows are packed in panels of this many.
inline constexpr std::int64_t shift_gemv_rows = 4;

// Where a panel lies and how. The packed form is described in internal.h.
struct ShiftGemvPanel {
  std::int64_t offset = 0;  // into data; a multiple of 64
  // Bits of the sets of each row; 0 for rows after the last. With groups of four all rows have those of the largest.
  std::uint8_t shifts[shift_gemv_rows] = {};
  bool plain = false;  // one byte a weight: the packed form would not be smaller
};

// What a kernel reads of packed weights; plain data, valid while the ShiftGemvWeights live.
struct ShiftGemvView {
  std::int64_t n = 0, k = 0;
  bool quads = false;       // groups of four, which have a form of their own
  std::int64_t octets = 1;  // runs of eight weights in a row that share a set; of quads: 4
  std::int64_t blocks = 0;  // of 64 * octets weights, in a row
  const std::uint8_t* data = nullptr;
  const ShiftGemvPanel* panels = nullptr;     // [n / shift_gemv_rows rounded up]
  const std::int32_t* bias = nullptr;         // [n rounded up to shift_gemv_rows], zero filled
  const std::int32_t* bias_signed = nullptr;  // bias - 128 * sum of weights: for s8 bytes read as u8 after xor 0x80
  const float* multiplier = nullptr;          // [n rounded up to shift_gemv_rows], zero filled
};

// Owns packed weights. Movable; the view stays valid because vectors keep their storage when moved.
struct ShiftGemvWeights {
  ShiftGemvView view;
  std::vector<PackedLine> lines;
  std::vector<ShiftGemvPanel> panels;
  std::vector<std::int32_t> bias, bias_signed;
  std::vector<float> multiplier;
  std::int64_t packed_bytes = 0;  // of weights: what a product reads

  ShiftGemvWeights() = default;
  ShiftGemvWeights(ShiftGemvWeights&&) = default;
  ShiftGemvWeights& operator=(ShiftGemvWeights&&) = default;
};

struct ShiftGemvSource {
  std::int64_t n = 0, k = 0;
  std::int64_t group = 0;               // weights that share a set, counted from the start of a row: 1, 2, 4, ... 32
  const std::int8_t* weight = nullptr;  // [n][k]
  // [n][ceil(k / group)]: every magnitude of the group is a submask of it. Null: all weights are kept as plain bytes.
  const std::uint8_t* sets = nullptr;
  const std::int32_t* bias = nullptr;  // [n], or null for zeros
  const float* multiplier = nullptr;   // [n], finite
};

struct ShiftGemvArgs {
  std::int64_t first = 0, last = 0;  // rows; threads split a product best at multiples of shift_gemv_rows
  const std::uint8_t* x = nullptr;   // [k]
  ShiftGemvView weights;             // packed by the same kernel
  bool signed_input = false;         // the bytes are s8
  bool from_memory = false;          // the weights are expected in no cache: only time depends on it
  Epilogue epilogue;
  void* out = nullptr;  // bytes or float, [n]
  // shift_gemv_scratch_bytes(weights) bytes aligned to 64, or null: then a buffer of the calling thread, which grows
  // when needed.
  std::uint8_t* scratch = nullptr;
};

// Enough for every kernel.
inline std::int64_t shift_gemv_scratch_bytes(const ShiftGemvView& view) { return view.blocks * view.octets * 64; }

struct ShiftGemvKernel {
  const char* name;
  Isa isa;
  bool needs_gfni;  // GFNI besides VBMI and VBMI2
  // Whether it beats qgemm where int8 weights do not fit the cache of a core, by less than the ratio in bytes: with 4
  // to 6 bits a weight 1.2 to 2 times as fast, with 7 hardly faster (docs/performance.md). From the second-level cache
  // qgemm is two to five times as fast. Where false, the kernel is there for its meaning and for small products: use
  // qgemm.
  bool pays;
  ShiftGemvWeights (*pack)(const ShiftGemvSource& source);  // throws Error when a magnitude is no submask of its set
  void (*run)(const ShiftGemvArgs& args);                   // thread safe
};

// The best kernel that a machine of level `isa` runs, and GFNI only if there. A pure function of its arguments.
const ShiftGemvKernel& select_shift_gemv(Isa isa, bool gfni);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const ShiftGemvKernel*>& shift_gemv_kernels();

}  // namespace bitsieve
