// Loom (Sharify et al., DAC 2018): activations and weights come bit by bit, so a layer takes as many cycles as the
// product of their bits (specification of SWIS, C.6). Rows are filters, columns pixels, and a processing element sums
// `lanes` products of single bits.
#include <algorithm>

#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {

Timing time_loom(const Layer& layer, const Parameters& p) {
  const std::int64_t activation_bits = layer.serial_bits();
  Timing timing = time_steps(layer, p, activation_bits * layer.weight_bits);
  const auto lanes = static_cast<double>(p.lanes);
  timing.counts["and-1"] += timing.busy * lanes;
  timing.counts["add-1"] += timing.busy * (lanes - 1);
  timing.counts["add-16"] += timing.busy;  // over the bits of an activation
  timing.counts["add-32"] += timing.busy / static_cast<double>(activation_bits);
  // Activations and weights as they come: so many bits of each.
  const auto depth = static_cast<double>(layer.depth());
  timing.counts["activation-buffer-bit"] +=
      static_cast<double>(activation_bits) * depth *
      static_cast<double>(layer.pixels * layer.groups * ceil_div(layer.filters_of_group(), p.rows));
  timing.counts["weight-buffer-bit"] += static_cast<double>(layer.weight_bits) * depth *
                                        static_cast<double>(layer.filters * ceil_div(layer.pixels, p.columns));
  timing.counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
  return timing;
}

Output output_loom(const Operands& o, const Parameters& p) {
  const int bits = o.layer.serial_bits();
  Output output;
  for_each_step(o.layer.depth(), o.layer.channels, p.lanes, [&](std::int64_t first, std::int64_t count) {
    for (int w = 0; w < o.layer.weight_bits; ++w) {
      std::int32_t of_weight = 0;
      for (int a = 0; a < bits; ++a) {
        std::int32_t ones = 0;
        for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(first + count); ++k)
          ones += (o.used[k] >> a & 1) & (o.weights[k] >> w & 1);
        of_weight += (o.layer.signed_input && a == bits - 1 ? -ones : ones) * (1 << a);
        ++output.cycles;
      }
      output.sum += (w == o.layer.weight_bits - 1 ? -of_weight : of_weight) * (1 << w);
    }
  });
  return output;
}

}  // namespace bitsieve::accel
