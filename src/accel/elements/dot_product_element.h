// Dot products of four a cycle, as a tensor core has them (specification of SPARQ, D.5): rtl/dot_product.sv and
// rtl/sparq_dot_product.sv.
#pragma once
#include <array>
#include <cstdint>

#include "accel/elements/sparq_element.h"

namespace bitsieve::accel {

inline constexpr int dot_products = 4;  // multipliers of 8 x 8 bits, or pairs of 4 x 8 bits

struct DotProductElement {
  std::int32_t sum = 0;

  void cycle(const std::array<int, dot_products>& x, const std::array<int, dot_products>& w, bool first) {
    if (first) sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * w[i];
  }
};

// Twice the positions a cycle: w[2i] and w[2i + 1] belong to pair i.
struct SparqDotProductElement {
  std::int32_t sum = 0;

  void cycle(const std::array<WindowPair, dot_products>& x, const std::array<int, 2 * dot_products>& w, bool first) {
    if (first) sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += product(x[i], w[2 * i], w[2 * i + 1]);
  }
};

}  // namespace bitsieve::accel
