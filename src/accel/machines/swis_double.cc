// SWIS with two shifters an element: two shifts of a group a cycle (specification of SWIS, C.1 and C.4).
#include "accel/elements/swis_element.h"
#include "accel/machines/shifts.h"

namespace bitsieve::accel {

Timing time_swis_double(const Layer& layer, const Parameters& p) {
  return time_shifts(layer, p, shifts_or_bits(layer), {.name = "swis-double", .at_once = 2});
}

Output output_swis_double(const Operands& o, const Parameters& p) {
  SwisDoubleElement element;
  std::int64_t cycles = 0;
  for_each_group(o, p, shifts_of(o), [&](const ShiftPlanes& group, std::span<const int> activations, std::int64_t own) {
    for (std::size_t n = 0; n < group.planes.size(); n += 2)
      element.cycle(activations, group.negative, group.planes[n],
                    n + 1 < group.planes.size() ? group.planes[n + 1] : ShiftPlane{}, false);
    cycles += ceil_div(own, 2);
  });
  return {element.sum, cycles};
}

}  // namespace bitsieve::accel
