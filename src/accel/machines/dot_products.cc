#include "accel/machines/dot_products.h"

#include <fmt/format.h>

namespace bitsieve::accel {

Tiles time_tiles(const Layer& layer, const Parameters& p, std::int64_t positions, double bits_of_weight) {
  const std::int64_t together =
      layer.depthwise() && p.depthwise == Depthwise::separate ? layer.filters : layer.filters_of_group();
  const std::int64_t tiles =
      ceil_div(layer.pixels, p.rows) * ceil_div(together, p.columns) * (layer.filters / together);
  const std::int64_t steps = ceil_div(layer.depth(), positions);
  Timing timing;
  timing.cycles = ceil_div(tiles, p.units) * steps;
  timing.busy = static_cast<double>(layer.macs());
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.units * p.rows * p.columns * positions);
  const auto depth = static_cast<double>(layer.depth());
  // Columns of the same activations share them; rows and columns without an output read nothing.
  const std::int64_t blocks = streams(layer, p, ceil_div(together, p.columns) * (layer.filters / together));
  timing.counts["activation-buffer-bit"] += 8 * depth * static_cast<double>(layer.pixels * blocks);
  timing.counts["weight-buffer-bit"] +=
      bits_of_weight * depth * static_cast<double>(layer.filters * ceil_div(layer.pixels, p.rows));
  timing.counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
  return {timing, static_cast<double>(layer.pixels * layer.filters * steps)};
}

namespace {

void count_element(Tiles& tiles, const std::string& element, std::int64_t lanes) {
  if (lanes == dot_products) tiles.timing.counts[fmt::format("element-{}", element)] += tiles.work;
}

}  // namespace

Timing multiply(Tiles tiles, const char* element, std::int64_t multipliers) {
  count_element(tiles, element, multipliers);
  const double products = tiles.work * static_cast<double>(multipliers);
  tiles.timing.counts["mul-8x8"] += products;
  tiles.timing.counts["add-32"] += products;
  return std::move(tiles.timing);
}

Timing multiply_pairs(Tiles tiles, const char* element, const Parameters& p) {
  count_element(tiles, fmt::format("{}-{}", element, to_string(p.windows)), p.lanes);
  const double pairs = tiles.work * static_cast<double>(p.lanes);
  tiles.timing.counts["mul-4x8"] += 2 * pairs;
  tiles.timing.counts["shift-16"] += 2 * pairs;
  tiles.timing.counts["add-16"] += pairs;
  tiles.timing.counts["add-32"] += pairs;
  return std::move(tiles.timing);
}

std::vector<int> wide(std::span<const std::int8_t> weights) { return {weights.begin(), weights.end()}; }

std::int64_t cycles_of(std::size_t count, std::int64_t a_cycle) {
  return ceil_div(static_cast<std::int64_t>(count), a_cycle);
}

Output output_of_pairs(const std::vector<Pair>& pairs, const Parameters& p) {
  SparqDotProductElement element;
  for (std::size_t i = 0; i < pairs.size(); i += dot_products) {
    std::array<WindowPair, dot_products> lanes{};
    std::array<int, 2 * dot_products> weights{};
    for (std::size_t k = 0; k < dot_products && i + k < pairs.size(); ++k) {
      lanes[k] = pairs[i + k].lanes;
      weights[2 * k] = pairs[i + k].w1;
      weights[2 * k + 1] = pairs[i + k].w2;
    }
    element.cycle(lanes, weights, i == 0);
  }
  return {element.sum, cycles_of(pairs.size(), p.lanes)};
}

}  // namespace bitsieve::accel
