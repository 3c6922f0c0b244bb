// Dot products with weights of which two of four are kept (specification of SPARQ, A.3 and D.6): multiplexers choose
// the activations that face them. rtl/sparse_dot_product.sv and rtl/sparq_sparse_dot_product.sv.
#pragma once
#include <array>
#include <cstdint>

#include "accel/elements/sparq_element.h"

namespace bitsieve::accel {

// What is stored of four weights. A kept weight of 0 is none: its activation must not cost the other one its bits.
struct KeptWeights {
  std::array<int, 2> w{};
  std::array<int, 2> position{};  // 0 to 3
};

// The first two that are not zero, in order; the rest of `w` is not looked at.
inline KeptWeights keep_two(const std::array<int, 4>& w) {
  KeptWeights kept;
  std::size_t count = 0;
  for (std::size_t i = 0; i < w.size() && count < 2; ++i) {
    if (w[i] == 0) continue;
    kept.w[count] = w[i];
    kept.position[count] = static_cast<int>(i);
    ++count;
  }
  return kept;
}

inline std::array<int, 2> facing(const std::array<int, 4>& x, const KeptWeights& kept) {
  std::array<int, 2> chosen{};
  for (std::size_t i = 0; i < 2; ++i) chosen[i] = kept.w[i] == 0 ? 0 : x[static_cast<std::size_t>(kept.position[i])];
  return chosen;
}

// Eight positions of K a cycle, in two groups of four: four products.
struct SparseDotProductElement {
  std::int32_t sum = 0;

  void cycle(const std::array<std::array<int, 4>, 2>& x, const std::array<KeptWeights, 2>& w, bool first) {
    if (first) sum = 0;
    for (std::size_t g = 0; g < x.size(); ++g) {
      const std::array<int, 2> chosen = facing(x[g], w[g]);
      sum += chosen[0] * w[g].w[0] + chosen[1] * w[g].w[1];
    }
  }
};

// Sixteen positions a cycle, in four groups: four pairs of lanes. Activations are cut behind the multiplexers, as what
// is a pair depends on the weights.
struct SparqSparseDotProductElement {
  TrimRound unit;
  std::int32_t sum = 0;

  void cycle(const std::array<std::array<int, 4>, 4>& x, const std::array<KeptWeights, 4>& w, bool first) {
    if (first) sum = 0;
    for (std::size_t g = 0; g < x.size(); ++g) {
      const std::array<int, 2> chosen = facing(x[g], w[g]);
      sum += product(trim_round(chosen[0], chosen[1], unit), w[g].w[0], w[g].w[1]);
    }
  }
};

}  // namespace bitsieve::accel
