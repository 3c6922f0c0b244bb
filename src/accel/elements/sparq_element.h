// SPARQ's processing element: two lanes of n bits meet two weights each cycle (specification of SPARQ, D.1 and D.4):
// rtl/sparq_pe.sv, and a quarter of rtl/sparq_dot_product.sv.
#pragma once
#include <cstdint>

#include "accel/elements/trim_round.h"

namespace bitsieve::accel {

// x1*w1 + x2*w2 of the pair that was cut into these lanes. Weights are signed 8-bit numbers in hardware; the sign of a
// signed activation may be put on them here.
inline std::int32_t product(const WindowPair& lanes, int w1, int w2) {
  const int wa = lanes[0].partner ? w2 : w1, wb = lanes[1].partner ? w1 : w2;
  return lanes[0].data * wa * (1 << lanes[0].shift) + lanes[1].data * wb * (1 << lanes[1].shift);
}

struct SparqElement {
  std::int32_t sum = 0;

  void cycle(const WindowPair& lanes, int w1, int w2, bool first) { sum = (first ? 0 : sum) + product(lanes, w1, w2); }
};

}  // namespace bitsieve::accel
