// Activation transforms by table, with pairing (ActivationTransform of quant/model.h).
//
//   f(x, partner) = paired && partner == 0 ? lone[x] : pair[x]        x: an 8-bit pattern, u8 or s8
//   adjacent(in, n):     out[i] = f(in[i], in[i ^ 1]); an odd last value has partner 0
//
//   spread(in, n):       value[i] = in[i], code[i] = pair[in[i]] and, if wanted, alone[i] = lone[in[i]]; for values
//                        that meet several partners, as in depthwise convolutions. `paired` does not matter
//
// The output of `adjacent` may be its input; otherwise they must not overlap. Exactly n bytes of each are read and
// written.
//
// Where a value beside a zero keeps all its bits (lone is the identity, as in SPARQ with u8, but for -128 with s8), the
// second table need not be looked up: table look-ups are what the pass costs.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "kernels/window/arithmetic.h"

namespace bitsieve {

struct WindowTables {
  const std::uint8_t* pair = nullptr;  // [256]
  const std::uint8_t* lone = nullptr;  // [256], read only if paired
  bool paired = false;                 // false: adjacent is a plain table lookup
  // What `pair` is in arithmetic, looked for once by the caller; null or not found: looked up. Kernels for which a
  // look-up is dear use it.
  const WindowArithmetic* arithmetic = nullptr;
};

// What spread writes: planes of equal layout, one after the other.
struct WindowPlanes {
  std::uint8_t* value = nullptr;
  std::int64_t distance = 0;  // bytes from a value to its code, and from there to what it is alone
  bool alone = false;         // whether the latter is wanted
};

// Pieces of n bytes, `stride` bytes apart; they are written without gaps.
struct WindowPieces {
  const std::uint8_t* in = nullptr;
  std::int64_t count = 0, n = 0, stride = 0;
};

struct WindowKernel {
  const char* name;
  Isa isa;
  bool needs_vbmi;
  void (*adjacent)(const WindowTables& tables, const std::uint8_t* in, std::uint8_t* out, std::int64_t n);
  void (*spread)(const WindowTables& tables, const WindowPieces& pieces, const WindowPlanes& planes);
};

// The best kernel that a machine of level `isa` runs, and AVX-512 VBMI only if `vbmi`. A pure function of its
// arguments.
const WindowKernel& select_window(Isa isa, bool vbmi);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const WindowKernel*>& window_kernels();

}  // namespace bitsieve
