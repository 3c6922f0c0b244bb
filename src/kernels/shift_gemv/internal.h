// Packed forms, common to all kernels. Blocks follow each other; inside a block the four rows of the panel.
//
// Groups of 8, 16 and 32: made for two instructions. vpexpandb spreads the bytes of a bit plane to where the set has
// bits, and gf2p8affineqb transposes eight bytes of bits, so that decoding costs the same whatever the number of
// shifts. An octet is eight weights of a row in a column order that depends on the group: octet number 8 * o + g of a
// block starts at column (g * octets + o) * 8 of that block. So the eight octets with the same o belong to eight
// different groups, and all o share eight set bytes. A row is
//
//   8 bytes:          for each g the set, bit b at position 7 - b
//   octets times
//     8 bytes:        for each g the signs: bit i is that of weight i
//     8 * shifts:     for each g, for each bit of the set from the highest down, a byte whose bit i is weight i's
//
// Groups of four ("quads"): two sets would share an octet and each need its own vpexpandb, the dearest of these
// instructions. So the decoder is turned round: a weight's byte selects columns of an 8 x 8 bit matrix, one matrix for
// two groups, by one gf2p8affineqb; the matrices of 256 weights are made together from their 64 sets, and the bytes
// of one line of memory are read several times, each time with another mask. Columns are in their own order. Weight i
// of half h (a group) of octet q of quarter t of a block is column 64 * t + 8 * q + 4 * h + i. It owns bits of byte
// 8 * q + 4 * h + i of the row's code lines: with p = h ^ (t & 1), bit 2 * ((t + j) % 4) + p says whether the weight
// has the j-th of the bits of its set, the lowest being j = 0. A panel's block is
//
//   four times (a row)
//     64 bytes:       the sets: that of (t, q, h) is byte 8 * q + 7 - 2 * t - p
//     64 bytes:       codes of all quarters, or with 3 and 4 shifts of quarters 0 and 1;
//     64 bytes:       those of quarters 2 and 3, with 3 and 4 shifts only
//   four times (a row)
//     32 bytes:       signs, with 2 and 4 shifts only: bit c is that of column c
//
// with 1 and 3 shifts the sign is the bit j = shifts of the code, which no other weight owns.
//
// In a plain panel a row is octets * 64 weights in the same column order.
#pragma once
#include "kernels/shift_gemv/shift_gemv.h"

namespace bitsieve::shift_gemv {

ShiftGemvWeights pack(const ShiftGemvSource& source);

// Bytes that may be read after the last packed one.
inline constexpr std::int64_t kSlack = 64;

// Where octet number `octet` of all those of a row starts.
inline std::int64_t octet_column(const ShiftGemvView& view, std::int64_t octet) {
  if (view.quads) return octet * 8;
  const std::int64_t block = octet / (8 * view.octets), o = octet / 8 % view.octets, g = octet % 8;
  return ((block * 8 + g) * view.octets + o) * 8;
}

// Quads of one row: where in its block things are.
struct QuadForm {
  int shifts;  // 1 to 4

  constexpr std::int64_t code_lines() const { return shifts <= 2 ? 1 : 2; }
  constexpr bool sign_in_code() const { return shifts % 2 == 1; }
  constexpr std::int64_t row_bytes() const { return 64 * (1 + code_lines()); }
  constexpr std::int64_t sign_bytes() const { return sign_in_code() ? 0 : 32; }
  constexpr std::int64_t panel_bytes() const { return shift_gemv_rows * (row_bytes() + sign_bytes()); }
  // From the start of a row: the byte of the set, and that with the code, of a column of the block.
  static constexpr std::int64_t set_byte(std::int64_t column) {
    return column / 8 % 8 * 8 + 7 - column / 64 * 2 - parity(column);
  }
  constexpr std::int64_t code_byte(std::int64_t column) const {
    return 64 + column / 128 * (code_lines() - 1) * 64 + column % 64;
  }
  static constexpr int code_bit(std::int64_t column, int j) {
    return static_cast<int>((column / 64 + j) % 4 * 2 + parity(column));
  }
  // From the start of the panel's block.
  constexpr std::int64_t sign_byte(std::int64_t row, std::int64_t column) const {
    return shift_gemv_rows * row_bytes() + row * sign_bytes() + column / 8;
  }
  static constexpr std::int64_t parity(std::int64_t column) { return (column / 4 ^ column / 64) & 1; }
};

// x in the column order of octets, as u8 (s8 after xor 0x80), zeros after column k.
const std::uint8_t* arrange(const ShiftGemvArgs& args);

extern const ShiftGemvKernel portable, avx512gfni;

}  // namespace bitsieve::shift_gemv
