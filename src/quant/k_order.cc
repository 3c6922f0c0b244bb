#include "quant/k_order.h"

#include <algorithm>

#include "base/error.h"

namespace bitsieve {

std::int64_t filter_depth(const Node& node) { return node.weight().shape[1]; }

std::vector<float> weights_in_k_order(const Node& node) {
  const Tensor& weight = node.weight();
  if (weight.data.empty() && element_count(weight.shape) > 0)
    fail("node '{}': its float weights were not read", node.name);
  const std::int64_t outputs = weight.shape[0], k = weight.size() / std::max<std::int64_t>(outputs, 1);
  const std::int64_t depth = filter_depth(node), taps = k / depth;
  std::vector<float> reordered(weight.data.size());
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t j = 0; j < k; ++j) {
      reordered[static_cast<std::size_t>(o * k + j % taps * depth + j / taps)] =
          weight.data[static_cast<std::size_t>(o * k + j)];
    }
  }
  return reordered;
}

}  // namespace bitsieve
