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
namespace {

// Bits that any of these weights has.
unsigned columns_of(std::span<const std::int8_t> filter, std::int64_t first, std::int64_t count) {
  unsigned any = 0;
  for (const std::int8_t w : filter.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)))
    any |= static_cast<unsigned>(std::abs(static_cast<int>(w)));
  return any;
}

}  // namespace

Timing time_bitwave(const Layer& layer, const Parameters& p) {
  require_weights(layer, p.name);
  const std::int64_t depth = layer.depth(), groups = lane_groups(layer, p.lanes);
  std::vector<std::uint8_t> cycles;
  double columns = 0;
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    const auto filter = layer.weights.subspan(static_cast<std::size_t>(f * depth), static_cast<std::size_t>(depth));
    for_each_step(depth, run_of_lanes(layer), p.lanes, [&](std::int64_t first, std::int64_t count) {
      const int own = std::popcount(columns_of(filter, first, count));
      columns += own;
      // Activations are handed on after a cycle at the earliest.
      cycles.push_back(static_cast<std::uint8_t>(std::max(own, 1)));
    });
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

Output output_bitwave(const Operands& o, const Parameters& p) {
  SwisSingleElement element;
  std::int64_t cycles = 0;
  for_each_step(o.layer.depth(), run_of_lanes(o.layer), p.lanes, [&](std::int64_t first, std::int64_t count) {
    const unsigned any = columns_of(o.weights, first, count);
    for (std::int64_t part = 0; part < count; part += most_group) {
      const auto from = static_cast<std::size_t>(first + part),
                 size = static_cast<std::size_t>(std::min<std::int64_t>(most_group, count - part));
      const ShiftPlanes group = shift_planes(o.weights.subspan(from, size), static_cast<std::uint8_t>(any));
      for (const ShiftPlane& plane : group.planes)
        element.cycle(o.used.subspan(from, size), group.negative, plane, false);
    }
    cycles += std::max(std::popcount(any), 1);
  });
  return {element.sum, cycles};
}

}  // namespace bitsieve::accel
