#include "accel/machines/shifts.h"

#include <fmt/format.h>

#include "accel/elements/horner_element.h"

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

}  // namespace

std::int64_t magnitude_bits(const Layer& layer) {
  const auto lowest = static_cast<std::int8_t>(-(1 << (layer.weight_bits - 1)));
  const bool there = std::find(layer.weights.begin(), layer.weights.end(), lowest) != layer.weights.end();
  return there ? layer.weight_bits : layer.weight_bits - 1;
}

Timing time_shifts(const Layer& layer, const Parameters& p, std::vector<std::int64_t> shifts, ShiftElement element) {
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

std::int64_t shifts_of(const Operands& o) {
  if (o.layer.code == nullptr || !o.layer.code->shifts.active()) return magnitude_bits(o.layer);
  return shifts_of_filters(o.layer.code->shifts, o.layer.filters)[static_cast<std::size_t>(o.filter)];
}

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

}  // namespace bitsieve::accel
