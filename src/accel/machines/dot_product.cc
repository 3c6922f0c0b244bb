// A tensor-core-like unit of 8-bit products (specification of SPARQ, D.5).
#include "accel/machines/dot_products.h"

namespace bitsieve::accel {

Timing time_dot_product(const Layer& layer, const Parameters& p) {
  return multiply(time_tiles(layer, p, p.lanes, 8), "dot-product", p.lanes);
}

Output output_dot_product(const Operands& o, const Parameters& p) {
  const std::vector<int> weights = wide(o.weights);
  DotProductElement element;
  for (std::size_t k = 0; k < o.used.size(); k += dot_products)
    element.cycle(four<dot_products>(o.used, k), four<dot_products>(weights, k), k == 0);
  return {element.sum, cycles_of(o.used.size(), p.lanes)};
}

}  // namespace bitsieve::accel
