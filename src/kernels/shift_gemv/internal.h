// The packed form, common to all kernels. It is made for two instructions: vpexpandb spreads the bytes of a bit plane
// to where the set has bits, and gf2p8affineqb transposes eight bytes of bits, so that decoding costs the same whatever
// the number of shifts.
//
// An octet is eight weights of a row in a column order that depends on the group: octet number 8 * o + g of a block
// starts at column (g * octets + o) * 8 of that block. So the eight octets with the same o belong to eight different
// groups, and all o share eight set bytes. Blocks follow each other; inside a block the four rows of the panel. A row
// is
//
//   sets * 8 bytes:   for each g the set, bit b at position 7 - b. With groups of four there are two sets an octet:
//                     eight bytes for weights 0 to 3, then eight for weights 4 to 7
//   octets times
//     8 bytes:        for each g the signs: bit i is that of weight i
//     8 * shifts:     for each g, for each bit of the set from the highest down, a byte whose bit i is weight i's
//
// and in a plain panel octets * 64 weights in the same column order.
#pragma once
#include "kernels/shift_gemv/shift_gemv.h"

namespace bitsieve::shift_gemv {

ShiftGemvWeights pack(const ShiftGemvSource& source);

// Bytes that may be read after the last packed one.
inline constexpr std::int64_t kSlack = 64;

// x in the column order of octets, as u8 (s8 after xor 0x80), zeros after column k.
const std::uint8_t* arrange(const ShiftGemvArgs& args);

extern const ShiftGemvKernel portable, avx512gfni;

}  // namespace bitsieve::shift_gemv
