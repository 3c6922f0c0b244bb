// The order in which a filter's weights are multiplied, grouped and stored: kernel row, kernel column, input channel of
// the group (specification of SPARQ, A.3).
#pragma once
#include <vector>

#include "graph/graph.h"

namespace bitsieve {

// conv and linear: input channels of a filter, the length of the innermost loop. K of a linear layer.
std::int64_t filter_depth(const Node& node);

// The node's float weights, [O][K] in K order.
std::vector<float> weights_in_k_order(const Node& node);

}  // namespace bitsieve
