// Two products of 4 x 8 bits a cycle and nothing to place them: no machine, but the least that any element with two
// 4-bit activations a cycle can be (specification of SPARQ, D.7, the bound): rtl/two_by_four_pe.sv.
#pragma once
#include <cstdint>

namespace bitsieve::accel {

struct TwoByFourElement {
  std::int32_t sum = 0;

  // x1, x2: 0 to 15.
  void cycle(int x1, int w1, int x2, int w2, bool first) { sum = (first ? 0 : sum) + x1 * w1 + x2 * w2; }
};

}  // namespace bitsieve::accel
