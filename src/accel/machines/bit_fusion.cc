// Fusible multipliers as in BitFusion (Sharma et al., ISCA 2018): an element has 16 multipliers of 2 bits by 2, which
// make one product of 8 bits by 8, two of 4 by 8, four of 4 by 4, up to 16 of 2 by 2 a cycle (specification of SWIS,
// C.6). On the output-stationary array of the others here.
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {

Timing time_bit_fusion(const Layer& layer, const Parameters& p) {
  const auto bricks = [](std::int64_t bits) { return bits > 4 ? 4 : bits > 2 ? 2 : 1; };  // 8, 4 and 2 bits fuse
  const std::int64_t activation_bits = layer.windows ? 8 : layer.activation_bits,
                     products = 16 / (bricks(activation_bits) * bricks(layer.weight_bits));
  const std::vector<Block> blocks = column_blocks(layer, p, ceil_div(layer.depth(), products));
  Timing timing = output_stationary(layer, p, blocks);
  timing.counts["fusion-unit"] += timing.busy;
  count_streams(layer, p, blocks, static_cast<double>(2 * bricks(activation_bits)),
                static_cast<double>(2 * bricks(layer.weight_bits)) * static_cast<double>(layer.filters * layer.depth()),
                timing.counts);
  return timing;
}

}  // namespace bitsieve::accel
