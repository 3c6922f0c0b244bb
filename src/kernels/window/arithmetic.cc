#include "kernels/window/arithmetic.h"

#include <algorithm>

namespace bitsieve {
namespace {

int value_of(const WindowArithmetic& a, int x) {
  const int h = x >> 4;
  const int sum = std::min(255, std::min(255, x + a.half[h]) + ((x & a.odd[h]) != 0 ? 1 : 0));
  return std::min<int>(sum, a.top[h]) & a.mask[h];
}

// Sets what gives the entries of one high nibble; false where nothing does.
bool find_nibble(const std::uint8_t* table, int h, int count, WindowArithmetic& a) {
  for (int shift = 0; shift < 8; ++shift) {
    for (const bool round : {false, true}) {
      const bool rounds = round && shift > 0;
      a.mask[h] = static_cast<std::uint8_t>(256 - (1 << shift));
      a.half[h] = static_cast<std::uint8_t>(rounds ? (1 << (shift - 1)) - 1 : 0);
      a.odd[h] = static_cast<std::uint8_t>(rounds ? 1 << shift : 0);
      a.top[h] =
          static_cast<std::uint8_t>(*std::max_element(table + h * 16, table + h * 16 + count) | ((1 << shift) - 1));
      bool same = true;
      for (int x = h * 16; same && x < h * 16 + count; ++x) same = value_of(a, x) == table[x];
      if (same) return true;
    }
  }
  return false;
}

bool find(const std::uint8_t* table, int values, WindowArithmetic& a) {
  for (int h = 0; h < values / 16; ++h) {
    if (!find_nibble(table, h, 16, a)) return false;
  }
  return true;
}

}  // namespace

WindowArithmetic find_window_arithmetic(const std::uint8_t* table) {
  WindowArithmetic a;
  if (find(table, 256, a)) {
    a.found = true;
    return a;
  }
  if (!find(table, 128, a)) return {};
  for (int pattern = 128; pattern < 256; ++pattern) {
    if (table[pattern] != static_cast<std::uint8_t>(-table[std::min(256 - pattern, 127)])) return {};
  }
  a.found = a.is_signed = true;
  return a;
}

}  // namespace bitsieve
