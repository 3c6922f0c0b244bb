// Machines that add shifted activations: a group of `lanes` products takes a cycle for each shift, or half of one
// (specification of SWIS, C.1, C.2 and C.4). The weight-serial one takes a cycle for each bit of a magnitude.
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

// How an element shifts.
struct Element {
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
  if (shifts.empty()) shifts.assign(static_cast<std::size_t>(layer.filters), layer.weight_bits - 1);
  return shifts;
}

}  // namespace

Timing time_swis_single(const Layer& layer, const Parameters& p) {
  return time_shifts(layer, p, shifts_or_bits(layer), {.at_once = 1});
}

Timing time_swis_double(const Layer& layer, const Parameters& p) {
  return time_shifts(layer, p, shifts_or_bits(layer), {.at_once = 2});
}

Timing time_swis_c(const Layer& layer, const Parameters& p) {
  if (layer.code != nullptr && layer.code->shifts.active() && !layer.code->shifts.consecutive)
    fail(
        "layer '{}' has groups whose shifts do not follow each other, which machine '{}' needs; quantize with a code "
        "of "
        "consecutive shifts (swis-c-...), or take swis-single",
        layer.name, p.name);
  return time_shifts(layer, p, shifts_or_bits(layer), {.horner = true});
}

Timing time_weight_serial(const Layer& layer, const Parameters& p) {
  // A window of its own a layer may have, a group may not.
  const bool window = layer.code != nullptr && layer.code->shifts.one_group && layer.code->shifts.consecutive;
  const std::int64_t bits = window ? layer.code->shifts.shifts.at(0) : layer.weight_bits - 1;
  Layer plain = layer;
  plain.code = nullptr;
  return time_shifts(plain, p, std::vector<std::int64_t>(static_cast<std::size_t>(layer.filters), bits),
                     {.horner = true});
}

}  // namespace bitsieve::accel
