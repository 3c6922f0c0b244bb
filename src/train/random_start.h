// Where training from nothing begins. Free of torch.
#pragma once
#include <cstdint>

#include "graph/graph.h"

namespace bitsieve::train {

// The graph with random weights, the same with every compiler: uniform within +-sqrt(6 / inputs of an output),
// which keeps the variance of values behind ReLUs (He et al. 2015, eq. 10); biases 0, folded norms as new ones (gamma
// 1, beta 0, mean 0, variance 1). Constants stay. Throws Error where the graph has no weights.
Graph with_random_weights(Graph graph, std::uint64_t seed);

}  // namespace bitsieve::train
