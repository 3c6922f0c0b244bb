#include "methods/swis/orientation.h"

#include <algorithm>

namespace bitsieve::swis {

void orient_filters(uniform::QuantizedWeights& weights) {
  const std::size_t k = weights.scale.empty() ? 0 : weights.q.size() / weights.scale.size();
  for (std::size_t o = 0; o < weights.scale.size() && k > 0; ++o) {
    const auto first = weights.q.begin() + static_cast<std::ptrdiff_t>(o * k);
    const auto [least, most] = std::minmax_element(first, first + static_cast<std::ptrdiff_t>(k));
    if (*most <= -*least) continue;
    std::transform(first, first + static_cast<std::ptrdiff_t>(k), first,
                   [](std::int8_t w) { return static_cast<std::int8_t>(-w); });
    weights.scale[o] = -weights.scale[o];
  }
}

}  // namespace bitsieve::swis
