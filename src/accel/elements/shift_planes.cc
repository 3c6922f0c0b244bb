#include "accel/elements/shift_planes.h"

#include <cstdlib>

#include "base/error.h"

namespace bitsieve::accel {

ShiftPlanes shift_planes(std::span<const std::int8_t> weights, std::uint8_t set) {
  if (weights.size() > most_group)
    fail("a group of {} weights; at most {} can share shifts", weights.size(), most_group);
  ShiftPlanes group;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const int magnitude = std::abs(static_cast<int>(weights[i]));
    if ((magnitude & ~set) != 0)
      fail("weight {} is no sum of the positions in the byte {:#04x}", static_cast<int>(weights[i]), set);
    if (weights[i] < 0) group.negative |= std::uint32_t{1} << i;
  }
  for (int shift = 0; shift < 8; ++shift) {
    if ((set >> shift & 1) == 0) continue;
    ShiftPlane plane{0, shift};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if ((std::abs(static_cast<int>(weights[i])) >> shift & 1) != 0) plane.mask |= std::uint32_t{1} << i;
    }
    group.planes.push_back(plane);
  }
  return group;
}

}  // namespace bitsieve::accel
