// Tables that are a few operations: windows of four bits or more, which start where a value's high nibble says.
//
//   f(x) = min(x + half[h] + (x & odd[h] ? 1 : 0), top[h]) & mask[h],   h = x >> 4, sums saturate at 255
//
// Trimming has no half and no odd; rounding half to even to a multiple of 2^s has half = 2^(s-1) - 1 and odd = 2^s; top
// keeps a carry inside the window. Of signed patterns the magnitude is looked at, -128 as -127, and keeps its sign.
#pragma once
#include <cstdint>

namespace bitsieve {

struct WindowArithmetic {
  bool found = false, is_signed = false;
  std::uint8_t half[16] = {}, odd[16] = {}, top[16] = {}, mask[16] = {};
};

// The arithmetic that gives this table of 256 entries, entry by entry; found: whether there is any. SPARQ's 5opt, 3opt
// and 2opt, trimmed or rounded, on u8 and s8.
WindowArithmetic find_window_arithmetic(const std::uint8_t* table);

}  // namespace bitsieve
