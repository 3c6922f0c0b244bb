// The 8-bit systolic array, weight stationary: rows are weights of a filter, columns filters.
// As SCALE-Sim counts it: the closed form was checked against all of its reports (goldens_test.cc).
#include "accel/machines/folds.h"

namespace bitsieve::accel {

Timing time_systolic_ws(const Layer& layer, const Parameters& p) {
  Timing timing = stationary_operand(layer, p, layer.depth(), layer.filters_of_group(), layer.pixels, layer.groups);
  timing.counts["weight-buffer-bit"] += 8.0 * static_cast<double>(layer.filters * layer.depth());
  timing.counts["activation-buffer-bit"] += 8.0 * static_cast<double>(layer.pixels * layer.depth() * layer.groups *
                                                                      ceil_div(layer.filters_of_group(), p.columns));
  return timing;
}

}  // namespace bitsieve::accel
