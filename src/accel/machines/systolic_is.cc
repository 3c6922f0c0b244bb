// The 8-bit systolic array, input stationary: rows are values of a window, columns pixels.
// As SCALE-Sim counts it: the closed form was checked against all of its reports (goldens_test.cc).
#include "accel/machines/folds.h"

namespace bitsieve::accel {

Timing time_systolic_is(const Layer& layer, const Parameters& p) {
  Timing timing = stationary_operand(layer, p, layer.depth(), layer.pixels, layer.filters_of_group(), layer.groups);
  timing.counts["weight-buffer-bit"] +=
      8.0 * static_cast<double>(layer.filters * layer.depth() * ceil_div(layer.pixels, p.columns));
  timing.counts["activation-buffer-bit"] += 8.0 * static_cast<double>(layer.pixels * layer.depth() * layer.groups);
  return timing;
}

}  // namespace bitsieve::accel
