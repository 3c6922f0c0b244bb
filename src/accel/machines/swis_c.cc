// SWIS-C: shifts of a group follow each other, so that the sum is doubled from cycle to cycle and moved once
// (specification of SWIS, C.2 and C.3).
#include "accel/machines/shifts.h"

namespace bitsieve::accel {

Timing time_swis_c(const Layer& layer, const Parameters& p) {
  if (layer.code != nullptr && layer.code->shifts.active() && !layer.code->shifts.consecutive)
    fail(
        "layer '{}' has groups whose shifts do not follow each other, which machine '{}' needs; quantize with a code "
        "of "
        "consecutive shifts (swisc-nN-mM), or take swis-single",
        layer.name, p.name);
  return time_shifts(layer, p, shifts_or_bits(layer), {.name = "swis-c", .horner = true});
}

Output output_swis_c(const Operands& o, const Parameters& p) { return output_by_horner(o, p, shifts_of(o)); }

}  // namespace bitsieve::accel
