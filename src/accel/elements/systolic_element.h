// The 8b-8b processing element, what others are measured against (specification of SPARQ, D.4): rtl/systolic_pe.sv.
#pragma once
#include <cstdint>

namespace bitsieve::accel {

struct SystolicElement {
  std::int32_t sum = 0;

  // first: of an output. In hardware x is 8 bits, signed or not, and w a signed 8-bit number.
  void cycle(int x, int w, bool first) { sum = (first ? 0 : sum) + x * w; }
};

}  // namespace bitsieve::accel
