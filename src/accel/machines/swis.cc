// Machines that add shifted activations: a group of `lanes` products takes a cycle for each shift, or half of one
// (specification of SWIS, C.1, C.2 and C.4). The weight-serial one takes a cycle for each bit of a magnitude.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "accel/elements/horner_element.h"
#include "accel/elements/swis_element.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

// Of every filter, in the order in which they run; empty where a layer has no shared shifts.
std::vector<std::int64_t> shifts_in_order(const Layer& layer) {
  if (layer.code == nullptr || !layer.code->shifts.active()) return {};
  const SharedShifts& code = layer.code->shifts;
  const std::vector<std::uint8_t> own = shifts_of_filters(code, layer.filters);
  // The groups of a grouped convolution read other activations each, so they run one after the other.
  std::vector<std::vector<std::int64_t>> groups(static_cast<std::size_t>(layer.groups));
  for (std::int64_t i = 0; i < layer.filters; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t filter = code.filter.empty() ? at : code.filter[at];
    groups[filter / static_cast<std::size_t>(layer.filters_of_group())].push_back(own[filter]);
  }
  std::vector<std::int64_t> order;
  for (const auto& group : groups) order.insert(order.end(), group.begin(), group.end());
  return order;
}

std::int64_t groups_of_layer(const Layer& layer, const Parameters& p) {
  if (layer.code == nullptr || !layer.code->shifts.active() || layer.code->shifts.one_group)
    return lane_groups(layer, p.lanes);
  const SharedShifts& code = layer.code->shifts;
  if (code.group != p.lanes)
    fail("layer '{}' has groups of {} weights and machine '{}' has {} lanes; give both the same number", layer.name,
         code.group, p.name, p.lanes);
  return groups_of_filter(code, layer.depth());
}

// Where every bit comes, the lowest number of two's complement (-128, which shared shifts can make) takes one more.
std::int64_t magnitude_bits(const Layer& layer) {
  const auto lowest = static_cast<std::int8_t>(-(1 << (layer.weight_bits - 1)));
  const bool there = std::find(layer.weights.begin(), layer.weights.end(), lowest) != layer.weights.end();
  return there ? layer.weight_bits : layer.weight_bits - 1;
}

// How an element shifts.
struct Element {
  const char* name;
  std::int64_t at_once = 1;  // planes of a cycle
  // Positions follow each other: the sum is doubled from cycle to cycle (a wire), and a group costs one use of the
  // shifter, or none where all of a layer's groups begin at the same position (specification of SWIS, C.3).
  bool horner = false;
};

Timing time_shifts(const Layer& layer, const Parameters& p, std::vector<std::int64_t> shifts, Element element) {
  const std::int64_t groups = groups_of_layer(layer, p);
  double planes = 0;
  for (std::int64_t& n : shifts) {
    planes += static_cast<double>(n * groups);
    n = ceil_div(n, element.at_once) * groups;
  }
  const std::vector<Block> blocks = column_blocks(layer, p, shifts);
  Timing timing = output_stationary(layer, p, blocks);
  const auto lanes = static_cast<double>(p.lanes), at_once = static_cast<double>(element.at_once);
  const bool coded = layer.code != nullptr && layer.code->shifts.active(),
             own_positions = coded && !layer.code->shifts.one_group;
  const double work = timing.busy;  // cycles of processing elements
  timing.counts[fmt::format("element-{}-{}", element.name, p.lanes)] += work;
  timing.counts["and-8"] += work * lanes * at_once;
  timing.counts["add-16"] += work * (lanes - 1) * at_once;
  if (element.horner) {
    const double ends = static_cast<double>(layer.pixels * layer.filters * groups);
    timing.counts["add-24"] += work;
    timing.counts["add-32"] += ends;
    if (own_positions) timing.counts["shift-32"] += ends;
  } else {
    timing.counts["shift-32"] += work * at_once;
    timing.counts["add-32"] += work * at_once;
  }
  // A mask for each plane, signs once for each group, and positions: for each plane, or for the first one of a group
  // where the others follow; none where a counter does.
  double positions = 0;
  if (own_positions)
    positions = layer.code->shifts.consecutive ? static_cast<double>(groups * layer.filters) : planes;
  else if (coded && !layer.code->shifts.consecutive)
    positions = planes;
  const double weight_bits = planes * lanes + 3 * positions + lanes * static_cast<double>(groups * layer.filters);
  count_streams(layer, p, blocks, 8, weight_bits, timing.counts);
  return timing;
}

std::vector<std::int64_t> shifts_or_bits(const Layer& layer) {
  std::vector<std::int64_t> shifts = shifts_in_order(layer);
  if (shifts.empty()) shifts.assign(static_cast<std::size_t>(layer.filters), magnitude_bits(layer));
  return shifts;
}

}  // namespace

Timing time_swis_single(const Layer& layer, const Parameters& p) {
  return time_shifts(layer, p, shifts_or_bits(layer), {.name = "swis-single"});
}

Timing time_swis_double(const Layer& layer, const Parameters& p) {
  return time_shifts(layer, p, shifts_or_bits(layer), {.name = "swis-double", .at_once = 2});
}

Timing time_swis_c(const Layer& layer, const Parameters& p) {
  if (layer.code != nullptr && layer.code->shifts.active() && !layer.code->shifts.consecutive)
    fail(
        "layer '{}' has groups whose shifts do not follow each other, which machine '{}' needs; quantize with a code "
        "of "
        "consecutive shifts (swisc-nN-mM), or take swis-single",
        layer.name, p.name);
  return time_shifts(layer, p, shifts_or_bits(layer), {.name = "swis-c", .horner = true});
}

namespace {

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
Output output_by_horner(const Operands& o, const Parameters& p, std::int64_t shifts) {
  HornerElement element;
  std::int64_t cycles = 0;
  bool first = true;
  for_each_group(o, p, shifts, [&](const ShiftPlanes& group, std::span<const int> activations, std::int64_t own) {
    for (std::size_t n = group.planes.size(); n-- > 0;) {
      element.cycle(activations, group.negative, group.planes[n].mask, n + 1 == group.planes.size(), n == 0,
                    group.planes[0].shift, first);
    }
    first = false;
    cycles += own;
  });
  return {element.sum, cycles};
}

// Of the filter.
std::int64_t shifts_of(const Operands& o) {
  if (o.layer.code == nullptr || !o.layer.code->shifts.active()) return magnitude_bits(o.layer);
  return shifts_of_filters(o.layer.code->shifts, o.layer.filters)[static_cast<std::size_t>(o.filter)];
}

}  // namespace

Output output_swis_single(const Operands& o, const Parameters& p) {
  SwisSingleElement element;
  std::int64_t cycles = 0;
  for_each_group(o, p, shifts_of(o), [&](const ShiftPlanes& group, std::span<const int> activations, std::int64_t own) {
    for (const ShiftPlane& plane : group.planes) element.cycle(activations, group.negative, plane, false);
    cycles += own;
  });
  return {element.sum, cycles};
}

Output output_swis_double(const Operands& o, const Parameters& p) {
  SwisDoubleElement element;
  std::int64_t cycles = 0;
  for_each_group(o, p, shifts_of(o), [&](const ShiftPlanes& group, std::span<const int> activations, std::int64_t own) {
    for (std::size_t n = 0; n < group.planes.size(); n += 2)
      element.cycle(activations, group.negative, group.planes[n],
                    n + 1 < group.planes.size() ? group.planes[n + 1] : ShiftPlane{}, false);
    cycles += ceil_div(own, 2);
  });
  return {element.sum, cycles};
}

Output output_swis_c(const Operands& o, const Parameters& p) { return output_by_horner(o, p, shifts_of(o)); }

Output output_weight_serial(const Operands& o, const Parameters& p) {
  const LayerCode* const code = o.layer.code;
  if (code != nullptr && code->shifts.one_group && code->shifts.consecutive)
    return output_by_horner(o, p, shifts_of(o));
  Layer plain = o.layer;
  plain.code = nullptr;
  return output_by_horner({plain, o.filter, o.weights, o.read, o.used, o.unit, o.two_of_four}, p,
                          magnitude_bits(plain));
}

Timing time_weight_serial(const Layer& layer, const Parameters& p) {
  // A window of its own a layer may have, a group may not.
  const bool window = layer.code != nullptr && layer.code->shifts.one_group && layer.code->shifts.consecutive;
  const std::int64_t bits = window ? layer.code->shifts.shifts.at(0) : magnitude_bits(layer);
  Layer plain = layer;
  plain.code = nullptr;
  return time_shifts(plain, p, std::vector<std::int64_t>(static_cast<std::size_t>(layer.filters), bits),
                     {.name = "weight-serial", .horner = true});
}

}  // namespace bitsieve::accel
