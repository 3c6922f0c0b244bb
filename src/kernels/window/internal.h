#pragma once
#include <array>
#include <cstring>

#include "kernels/window/window.h"

namespace bitsieve::window {

// What a value beside a zero becomes.
enum class Lone { as_pair, itself, by_table };

inline Lone lone_of(const WindowTables& tables) {
  static constexpr auto identity = [] {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t x = 0; x < 256; ++x) table[x] = static_cast<std::uint8_t>(x);
    return table;
  }();
  if (!tables.paired) return Lone::as_pair;
  return std::memcmp(tables.lone, identity.data(), identity.size()) == 0 ? Lone::itself : Lone::by_table;
}

extern const WindowKernel portable, avx2, avx512vbmi, neon;

}  // namespace bitsieve::window
