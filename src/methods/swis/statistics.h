// What the bits of a layer's weights look like to SWIS.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "methods/swis/decompose.h"

namespace bitsieve::swis {

struct GroupStatistics {
  // Share of the groups that n shifts represent exactly, n = 0 to 8: any positions (A.7: the union of the magnitudes
  // has at most n bits), or consecutive ones.
  std::array<double, 9> exact{}, exact_consecutive{};
  // Share of the groups with a weight that has the bit at this position.
  std::array<double, 8> occupancy{};
};

// weights: [outputs][k] in K order, -128 to 127.
GroupStatistics group_statistics(std::span<const std::int8_t> weights, const Groups& groups);

}  // namespace bitsieve::swis
