#include <algorithm>

#include "kernels/two_of_four/two_of_four.h"

namespace bitsieve {

std::optional<TwoOfFourWeights> pack_two_of_four(const std::int8_t* weight, const std::int32_t* bias,
                                                 const float* multiplier, std::int64_t n, std::int64_t k) {
  TwoOfFourWeights w{n, k, {}, {0}, {bias, bias + n}, {multiplier, multiplier + n}};
  for (std::int64_t o = 0; o < n; ++o) {
    for (std::int64_t group = 0; group < k; group += 4) {
      KeptPair pair{{static_cast<std::int32_t>(k), static_cast<std::int32_t>(k)}, {0, 0}};
      int kept = 0;
      for (std::int64_t i = group; i < std::min(group + 4, k); ++i) {
        const std::int8_t value = weight[o * k + i];
        if (value == 0) continue;
        if (kept == 2) return std::nullopt;
        pair.at[kept] = static_cast<std::int32_t>(i);
        pair.weight[kept++] = value;
      }
      if (kept > 0) w.pairs.push_back(pair);
    }
    w.first.push_back(static_cast<std::int64_t>(w.pairs.size()));
  }
  return w;
}

std::size_t two_of_four_scratch(std::int64_t k) {
  return static_cast<std::size_t>((k + 1) * two_of_four_pixels) * 3 * sizeof(std::int16_t);
}

}  // namespace bitsieve
