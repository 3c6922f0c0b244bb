// One choice for each layer under a budget for all of them.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace bitsieve {

// One of several codes for a layer.
struct Choice {
  std::string code;
  double cost = 0, noise = 0;
};

// One choice for each layer, so that the costs stay within the budget and the sum of noises is small: along the lower
// convex hulls by noise saved for a cost, then whatever else still fits; never worse than choice i for every layer,
// where that fits. Optimal but for what one layer's step is worth. Where even the cheapest choices cost more: those.
std::vector<std::size_t> choose(const std::vector<std::vector<Choice>>& layers, double budget);

}  // namespace bitsieve
