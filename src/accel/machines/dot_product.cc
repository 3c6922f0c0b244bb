// Tensor-core-like units (specification of SPARQ, D.5): a tile of rows x columns outputs, with `lanes` products of each
// a cycle. SPARQ's do twice as many where activations are windows.
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {
namespace {

Timing time_tiles(const Layer& layer, const Parameters& p, std::int64_t products) {
  const std::int64_t together =
      layer.depthwise() && p.depthwise == Depthwise::separate ? layer.filters : layer.filters_of_group();
  const std::int64_t tiles =
      ceil_div(layer.pixels, p.rows) * ceil_div(together, p.columns) * (layer.filters / together);
  Timing timing;
  timing.cycles = ceil_div(tiles, p.units) * ceil_div(layer.depth(), products);
  timing.busy = static_cast<double>(layer.macs());
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.units * p.rows * p.columns * products);
  const auto depth = static_cast<double>(layer.depth());
  // Columns of the same activations share them.
  const std::int64_t streams = layer.depthwise() && p.depthwise == Depthwise::separate ? p.columns : 1;
  timing.counts["activation-buffer-bit"] += 8 * depth * static_cast<double>(tiles * p.rows * streams);
  timing.counts["weight-buffer-bit"] += 8 * depth * static_cast<double>(tiles * p.columns);
  timing.counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
  return timing;
}

}  // namespace

Timing time_dot_product(const Layer& layer, const Parameters& p) {
  Timing timing = time_tiles(layer, p, p.lanes);
  timing.counts["mul-8x8"] += timing.busy;
  timing.counts["add-32"] += timing.busy;
  return timing;
}

Timing time_sparq_dot_product(const Layer& layer, const Parameters& p) {
  const bool windows = layer.windows || layer.activation_bits <= 4;
  Timing timing = time_tiles(layer, p, windows ? 2 * p.lanes : p.lanes);
  const double pairs = windows ? timing.busy / 2 : timing.busy;
  timing.counts["mul-4x8"] += 2 * pairs;
  timing.counts["shift-16"] += 2 * pairs;
  timing.counts["add-16"] += pairs;
  timing.counts["add-32"] += pairs;
  return timing;
}

}  // namespace bitsieve::accel
