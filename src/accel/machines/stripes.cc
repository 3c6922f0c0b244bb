// Stripes (Judd et al., MICRO 2016): activations come bit by bit, so a layer takes as many cycles as they have bits.
// Rows are filters, columns pixels, and a processing element sums `lanes` products (specification of SWIS, C.6).
#include <fmt/format.h>

#include <algorithm>

#include "accel/elements/horner_element.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {

Timing time_stripes(const Layer& layer, const Parameters& p) {
  Timing timing = time_steps(layer, p, layer.serial_bits());
  const auto lanes = static_cast<double>(p.lanes);
  timing.counts[fmt::format("element-stripes-{}", p.lanes)] += timing.busy;
  timing.counts["and-8"] += timing.busy * lanes;
  timing.counts["add-16"] += timing.busy * (lanes - 1);
  timing.counts["add-32"] += timing.busy;
  count_tiles(layer, p, timing.counts);
  return timing;
}

// Bits of the activations from the highest to the lowest, of two's complement where they are signed: the highest one
// takes away then.
Output output_stripes(const Operands& o, const Parameters& p) {
  const int bits = o.layer.serial_bits();
  const std::vector<int> weights(o.weights.begin(), o.weights.end());
  HornerElement element;
  std::int64_t cycles = 0;
  for_each_step(o.layer.depth(), o.layer.channels, p.lanes, [&](std::int64_t step, std::int64_t lanes) {
    for (std::int64_t part = 0; part < lanes; part += most_group) {
      const auto from = static_cast<std::size_t>(step + part),
                 count = static_cast<std::size_t>(std::min<std::int64_t>(most_group, lanes - part));
      for (int b = bits - 1; b >= 0; --b) {
        std::uint32_t plane = 0;
        for (std::size_t i = 0; i < count; ++i) plane |= static_cast<std::uint32_t>(o.used[from + i] >> b & 1) << i;
        const bool sign = o.layer.signed_input && b == bits - 1;
        element.cycle({weights.data() + from, count}, sign ? 0xffffffffu : 0, plane, b == bits - 1, b == 0, 0,
                      from == 0);
      }
    }
    cycles += bits;
  });
  return {element.sum, cycles};
}

}  // namespace bitsieve::accel
