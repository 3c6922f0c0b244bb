// The 8-bit systolic array, output stationary: rows are pixels, columns filters.
// As SCALE-Sim counts it: the closed form was checked against all of its reports (goldens_test.cc).
#include "accel/elements/systolic_element.h"
#include "accel/machines/folds.h"

namespace bitsieve::accel {

Timing time_systolic_os(const Layer& layer, const Parameters& p) {
  const std::vector<Block> blocks = column_blocks(layer, p, layer.depth());
  Timing timing = output_stationary(layer, p, blocks);
  count_products(layer, timing.counts);
  timing.counts["element-systolic"] += timing.busy;
  count_streams(layer, p, blocks, 8, 8.0 * static_cast<double>(layer.filters * layer.depth()), timing.counts);
  return timing;
}

Output output_systolic_os(const Operands& o, const Parameters&) {
  SystolicElement element;
  for (std::size_t k = 0; k < o.used.size(); ++k) element.cycle(o.used[k], o.weights[k], k == 0);
  return {element.sum, static_cast<std::int64_t>(o.used.size())};
}

}  // namespace bitsieve::accel
