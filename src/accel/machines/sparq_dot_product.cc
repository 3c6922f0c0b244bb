// The same with SPARQ's pairs: twice as many products a cycle where activations are windows (D.5).
#include <fmt/format.h>

#include "accel/machines/dot_products.h"

namespace bitsieve::accel {

Timing time_sparq_dot_product(const Layer& layer, const Parameters& p) {
  element_for(layer, p);
  const bool windows = layer.narrow();
  Timing timing = multiply_pairs(time_tiles(layer, p, (windows ? 2 : 1) * p.lanes, 8), "sparq-dot-product", p);
  // Cut once for all columns of a tile. Counted where the element is: a table takes both, or the operations of neither.
  if (p.lanes == dot_products)
    timing.counts[fmt::format("element-trim-round-{}", to_string(p.windows))] +=
        timing.counts["activation-buffer-bit"] / 8 / (windows ? 2 : 1);
  return timing;
}

Output output_sparq_dot_product(const Operands& o, const Parameters& p) { return output_of_pairs(pairs_of(o), p); }

}  // namespace bitsieve::accel
