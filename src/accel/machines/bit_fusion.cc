// Fusible multipliers as in BitFusion (Sharma et al., ISCA 2018): an element has 16 multipliers of 2 bits by 2, which
// make one product of 8 bits by 8, two of 4 by 8, four of 4 by 4, up to 16 of 2 by 2 a cycle (specification of SWIS,
// C.6). On the output-stationary array of the others here.
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {
namespace {

// Digits of 2 bits; 8, 4 and 2 bits fuse.
int bricks(int bits) { return bits > 4 ? 4 : bits > 2 ? 2 : 1; }

// Of two's complement: the highest digit has the sign.
int digit(int value, int at, int count, bool is_signed) {
  const int bits = value >> (2 * at) & 3;
  return is_signed && at == count - 1 && bits >= 2 ? bits - 4 : bits;
}

}  // namespace

Timing time_bit_fusion(const Layer& layer, const Parameters& p) {
  const std::int64_t products = 16 / (bricks(layer.serial_bits()) * bricks(layer.weight_bits));
  const std::vector<Block> blocks = column_blocks(layer, p, ceil_div(layer.depth(), products));
  Timing timing = output_stationary(layer, p, blocks);
  timing.counts["fusion-unit"] += timing.busy;
  count_streams(layer, p, blocks, static_cast<double>(2 * bricks(layer.serial_bits())),
                static_cast<double>(2 * bricks(layer.weight_bits)) * static_cast<double>(layer.filters * layer.depth()),
                timing.counts);
  return timing;
}

Output output_bit_fusion(const Operands& o, const Parameters&) {
  const int across = bricks(o.layer.serial_bits()), down = bricks(o.layer.weight_bits);
  int left = 0;  // multipliers of this cycle that have nothing to do yet
  Output output;
  for (std::size_t k = 0; k < o.used.size(); ++k) {
    if (left == 0) {
      left = 16;
      ++output.cycles;
    }
    for (int a = 0; a < across; ++a) {
      for (int w = 0; w < down; ++w)
        output.sum += digit(o.used[k], a, across, o.layer.signed_input) * digit(o.weights[k], w, down, true) *
                      (1 << (2 * (a + w)));
    }
    left -= across * down;
  }
  return output;
}

}  // namespace bitsieve::accel
