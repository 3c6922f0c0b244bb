// Dot products that take two weights of each group of four, with multiplexers before the multipliers, where no group of
// a layer has more (specification of SPARQ, D.6).
#include "accel/elements/sparse_dot_product_element.h"
#include "accel/machines/dot_products.h"
#include "accel/values.h"

namespace bitsieve::accel {

Timing time_sparse_dot_product(const Layer& layer, const Parameters& p) {
  const bool sparse = two_of_four(layer, p.name);
  return multiply(time_tiles(layer, p, (sparse ? 2 : 1) * p.lanes, sparse ? kept_bits : 8), "sparse-dot-product",
                  p.lanes);
}

Output output_sparse_dot_product(const Operands& o, const Parameters& p) {
  if (!o.two_of_four) return output_dot_product(o, p);
  const std::vector<int> weights = wide(o.weights);
  SparseDotProductElement element;
  for (std::size_t k = 0; k < o.used.size(); k += 4 * dot_products / 2) {
    std::array<std::array<int, 4>, dot_products / 2> x{};
    std::array<KeptWeights, dot_products / 2> kept{};
    for (std::size_t g = 0; g < x.size(); ++g) {
      x[g] = four<4>(o.used, k + 4 * g);
      kept[g] = keep_two(four<4>(weights, k + 4 * g));
    }
    element.cycle(x, kept, k == 0);
  }
  return {element.sum, cycles_of(o.used.size(), 2 * p.lanes)};
}

}  // namespace bitsieve::accel
