// Tensor-core-like units (specification of SPARQ, D.5): a tile of rows x columns outputs, with `lanes` products of each
// a cycle. SPARQ's do twice as many where activations are windows; sparse ones take two weights of each group of four,
// with multiplexers before the multipliers (D.6), where no group of a layer has more.
#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "accel/values.h"

namespace bitsieve::accel {
namespace {

// `positions` of a filter a cycle. What is left to the caller: operations, of `work` cycles of units.
struct Tiles {
  Timing timing;
  double work = 0;
};

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
  // Columns of the same activations share them.
  const std::int64_t streams = layer.depthwise() && p.depthwise == Depthwise::separate ? p.columns : 1;
  timing.counts["activation-buffer-bit"] += 8 * depth * static_cast<double>(tiles * p.rows * streams);
  timing.counts["weight-buffer-bit"] += bits_of_weight * depth * static_cast<double>(tiles * p.columns);
  timing.counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
  return {timing, static_cast<double>(layer.pixels * layer.filters * steps)};
}

bool is_windowed(const Layer& layer) { return layer.windows || layer.activation_bits <= 4; }

Timing multiply(Tiles tiles, std::int64_t multipliers) {
  const double products = tiles.work * static_cast<double>(multipliers);
  tiles.timing.counts["mul-8x8"] += products;
  tiles.timing.counts["add-32"] += products;
  return std::move(tiles.timing);
}

Timing multiply_pairs(Tiles tiles, std::int64_t pairs_of_unit) {
  const double pairs = tiles.work * static_cast<double>(pairs_of_unit);
  tiles.timing.counts["mul-4x8"] += 2 * pairs;
  tiles.timing.counts["shift-16"] += 2 * pairs;
  tiles.timing.counts["add-16"] += pairs;
  tiles.timing.counts["add-32"] += pairs;
  return std::move(tiles.timing);
}

// Kept weights with two bits of index each, of every group of four: half of 8 + 2 bits a position.
constexpr double kept_bits = 5;

}  // namespace

Timing time_dot_product(const Layer& layer, const Parameters& p) {
  return multiply(time_tiles(layer, p, p.lanes, 8), p.lanes);
}

Timing time_sparq_dot_product(const Layer& layer, const Parameters& p) {
  return multiply_pairs(time_tiles(layer, p, (is_windowed(layer) ? 2 : 1) * p.lanes, 8), p.lanes);
}

Timing time_sparse_dot_product(const Layer& layer, const Parameters& p) {
  const bool sparse = two_of_four(layer, p.name);
  return multiply(time_tiles(layer, p, (sparse ? 2 : 1) * p.lanes, sparse ? kept_bits : 8), p.lanes);
}

Timing time_sparq_sparse_dot_product(const Layer& layer, const Parameters& p) {
  const bool sparse = two_of_four(layer, p.name);
  const std::int64_t positions = (sparse ? 2 : 1) * (is_windowed(layer) ? 2 : 1) * p.lanes;
  return multiply_pairs(time_tiles(layer, p, positions, sparse ? kept_bits : 8), p.lanes);
}

}  // namespace bitsieve::accel
