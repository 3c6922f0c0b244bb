// Column skipping as in BitWave (Shi et al., HPCA 2024): weights are signs and magnitudes, and of a group of `lanes`
// weights of a filter only the columns of bits that are not zero in all of them are worked on, one a cycle. Without its
// bit flipping, which changes weights; groups and dataflow are those of the other machines that are serial over weights
// here (specification of SWIS, C.4), so that they can be compared.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "accel/elements/swis_element.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "accel/values.h"

namespace bitsieve::accel {

Timing time_bitwave(const Layer& layer, const Parameters& p) {
  require_weights(layer, p.name);
  const std::int64_t depth = layer.depth(), groups = lane_groups(layer, p.lanes);
  const std::int64_t run = layer.channels == 1 ? layer.taps : layer.channels;  // that groups do not go beyond
  std::vector<std::uint8_t> cycles(static_cast<std::size_t>(layer.filters * groups));
  double columns = 0;
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    std::int64_t group = f * groups;
    for (std::int64_t start = 0; start < depth; start += run) {
      for (std::int64_t first = start; first < start + run; first += p.lanes) {
        unsigned any = 0;
        for (std::int64_t k = first; k < std::min(first + p.lanes, start + run); ++k)
          any |=
              static_cast<unsigned>(std::abs(static_cast<int>(layer.weights[static_cast<std::size_t>(f * depth + k)])));
        columns += std::popcount(any);
        // Activations are handed on after a cycle at the earliest.
        cycles[static_cast<std::size_t>(group++)] = static_cast<std::uint8_t>(std::max(std::popcount(any), 1));
      }
    }
  }
  // The next group's activations come when the slowest filter is done with these.
  const std::vector<Block> blocks = stepwise_blocks(layer, p, cycles, groups);
  Timing timing = output_stationary(layer, p, blocks);
  const auto lanes = static_cast<double>(p.lanes);
  timing.counts[fmt::format("element-swis-single-{}", p.lanes)] += timing.busy;  // the same element
  timing.counts["and-8"] += timing.busy * lanes;
  timing.counts["add-16"] += timing.busy * (lanes - 1);
  timing.counts["shift-32"] += timing.busy;
  timing.counts["add-32"] += timing.busy;
  // Signs and which columns there are (7 bits) once for each group, and the columns.
  const double weight_bits = columns * lanes + (lanes + 7) * static_cast<double>(groups * layer.filters);
  count_streams(layer, p, blocks, 8, weight_bits, timing.counts);
  return timing;
}

std::int32_t sum_bitwave(const Operands& o, const Parameters& p) {
  const std::int64_t depth = o.layer.depth(), run = o.layer.channels == 1 ? o.layer.taps : o.layer.channels,
                     size = std::min<std::int64_t>(p.lanes, most_group);
  SwisSingleElement element;
  for (std::int64_t start = 0; start < depth; start += run) {
    for (std::int64_t k = start; k < start + run; k += size) {
      const auto from = static_cast<std::size_t>(k), count = static_cast<std::size_t>(std::min(size, start + run - k));
      const std::span<const std::int8_t> weights = o.weights.subspan(from, count);
      unsigned any = 0;
      for (const std::int8_t w : weights) any |= static_cast<unsigned>(std::abs(static_cast<int>(w)));
      const ShiftPlanes group = shift_planes(weights, static_cast<std::uint8_t>(any));
      for (const ShiftPlane& plane : group.planes)
        element.cycle(o.used.subspan(from, count), group.negative, plane, false);
    }
  }
  return element.sum;
}

}  // namespace bitsieve::accel
