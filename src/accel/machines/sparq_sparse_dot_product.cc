// Both: a SPARQ pair for the two kept weights of each group of four (specification of SPARQ, D.6).
#include "accel/elements/sparse_dot_product_element.h"
#include "accel/machines/dot_products.h"
#include "accel/values.h"

namespace bitsieve::accel {

// Windows of kept weights are cut behind the multiplexers; other windows are pairs of neighbours, whatever the weights.
Timing time_sparq_sparse_dot_product(const Layer& layer, const Parameters& p) {
  element_for(layer, p);
  const bool sparse = two_of_four(layer, p.name) && (layer.windows_of_kept || !layer.windows);
  const std::int64_t positions = (sparse ? 2 : 1) * (layer.narrow() ? 2 : 1) * p.lanes;
  return multiply_pairs(time_tiles(layer, p, positions, sparse ? kept_bits : 8), "sparq-sparse-dot-product", p);
}

// 8-bit values behind the multiplexers take a pair's two lanes each.
Output output_sparq_sparse_dot_product(const Operands& o, const Parameters& p) {
  if (!o.two_of_four || (o.layer.windows && !o.layer.windows_of_kept)) return output_of_pairs(pairs_of(o), p);
  const TrimRound plain{.bits = 4, .step = 4, .round = false, .pairs = false}, halves;
  const std::vector<int> weights = wide(o.weights);
  std::vector<Pair> pairs;
  for (std::size_t k = 0; k < o.read.size(); k += 4) {
    const KeptWeights kept = keep_two(four<4>(weights, k));
    const std::array<int, 2> x = facing(four<4>(o.read, k), kept);
    if (o.layer.narrow()) {
      pairs.push_back(cut_pair(x[0], kept.w[0], x[1], kept.w[1], o.unit ? *o.unit : plain));
    } else {
      for (std::size_t i = 0; i < 2; ++i) pairs.push_back(cut_pair(x[i], kept.w[i], 0, 0, halves));
    }
  }
  Output output = output_of_pairs(pairs, p);
  // A group at the end that is not full takes as long as a full one.
  output.cycles = cycles_of(o.read.size(), (o.layer.narrow() ? 4 : 2) * p.lanes);
  return output;
}

}  // namespace bitsieve::accel
