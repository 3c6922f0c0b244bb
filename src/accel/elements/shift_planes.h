// A group of weights as an element that shifts and adds reads it: signs, and a mask for each shared position
// (specification of SWIS, A.2 and A.7).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace bitsieve::accel {

inline constexpr int most_group = 32;  // weights of a group

// Bit i of a mask is weight i's.
struct ShiftPlane {
  std::uint32_t mask = 0;
  int shift = 0;  // 0 to 7
};

struct ShiftPlanes {
  std::uint32_t negative = 0;      // signs; of a zero, 0
  std::vector<ShiftPlane> planes;  // by shift, ascending: a plane a cycle
};

// set: byte of the positions. Throws Error where a weight is no sum of them, or there are more than most_group.
ShiftPlanes shift_planes(std::span<const std::int8_t> weights, std::uint8_t set);

// What a plane adds before it is shifted: the activations in the mask, with signs. activations: as many as weights.
inline std::int32_t plane_sum(std::span<const int> activations, std::uint32_t negative, std::uint32_t mask) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < activations.size(); ++i) {
    if ((mask >> i & 1) != 0) sum += (negative >> i & 1) != 0 ? -activations[i] : activations[i];
  }
  return sum;
}

}  // namespace bitsieve::accel
