// SWIS with one shifter an element: a cycle for each shift of a group (specification of SWIS, C.1 and C.4).
#include "accel/elements/swis_element.h"
#include "accel/machines/shifts.h"

namespace bitsieve::accel {

Timing time_swis_single(const Layer& layer, const Parameters& p) {
  return time_shifts(layer, p, shifts_or_bits(layer), {.name = "swis-single"});
}

Output output_swis_single(const Operands& o, const Parameters& p) {
  SwisSingleElement element;
  std::int64_t cycles = 0;
  for_each_group(o, p, shifts_of(o), [&](const ShiftPlanes& group, std::span<const int> activations, std::int64_t own) {
    for (const ShiftPlane& plane : group.planes) element.cycle(activations, group.negative, plane, false);
    cycles += own;
  });
  return {element.sum, cycles};
}

}  // namespace bitsieve::accel
