// What the machines share that add shifted activations: a group of `lanes` products takes a cycle for each shift, or
// half of one (specification of SWIS, C.1, C.2 and C.4).
#pragma once
#include <algorithm>
#include <vector>

#include "accel/elements/shift_planes.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "base/error.h"

namespace bitsieve::accel {

// Where every bit comes, the lowest number of two's complement (-128, which shared shifts can make) takes one more.
std::int64_t magnitude_bits(const Layer& layer);

// Of every filter, in the order in which they run: its shifts, or where a layer shares none the bits of its magnitudes.
std::vector<std::int64_t> shifts_or_bits(const Layer& layer);
std::int64_t shifts_of(const Operands& operands);  // of the operands' filter

// How an element shifts.
struct ShiftElement {
  const char* name;
  std::int64_t at_once = 1;  // planes of a cycle
  // Positions follow each other: the sum is doubled from cycle to cycle (a wire), and a group costs one use of the
  // shifter, or none where all of a layer's groups begin at the same position (specification of SWIS, C.3).
  bool horner = false;
};

// shifts: of every filter, in the order in which they run.
Timing time_shifts(const Layer& layer, const Parameters& parameters, std::vector<std::int64_t> shifts,
                   ShiftElement element);

// Calls visit(planes, activations, shifts, start) for every group of a filter, in the order in which they come; shifts:
// cycles of an element with one shifter, 0 for the rest of a group of more than 32. Weights that no code cuts into
// groups have all positions of their bits.
template <class Visit>
void for_each_group(const Operands& o, const Parameters& p, std::int64_t shifts, const Visit& visit) {
  const Layer& layer = o.layer;
  const bool coded = layer.code != nullptr && layer.code->shifts.active();
  const bool grouped = coded && !layer.code->shifts.one_group;
  for_each_step(
      layer.depth(), grouped ? layer.code->shifts.run : run_of_lanes(layer),
      grouped ? layer.code->shifts.group : p.lanes, [&](std::int64_t first, std::int64_t count) {
        for (std::int64_t part = 0; part < count; part += most_group) {
          const auto from = static_cast<std::size_t>(first + part),
                     size = static_cast<std::size_t>(std::min<std::int64_t>(most_group, count - part));
          const std::uint8_t set =
              coded ? layer.code->shifts.set[group_of_weight(layer.code->shifts, layer.depth(), o.filter, first)]
                    : static_cast<std::uint8_t>((1 << shifts) - 1);
          const ShiftPlanes group = shift_planes(o.weights.subspan(from, size), set);
          if (static_cast<std::int64_t>(group.planes.size()) > shifts)
            fail("layer '{}' has a group of {} positions where its filter has {} shifts", layer.name,
                 group.planes.size(), shifts);
          visit(group, o.used.subspan(from, size), part == 0 ? shifts : 0);
        }
      });
}

// Planes from the highest to the lowest: the sum is doubled from one to the next, and moved to its place at the end.
Output output_by_horner(const Operands& operands, const Parameters& parameters, std::int64_t shifts);

}  // namespace bitsieve::accel
