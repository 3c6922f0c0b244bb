// What a node without variables computes, in torch: the meaning of runtime/reference, with a batch in front and NCHW.
#pragma once
#include <torch/torch.h>

#include <vector>

#include "graph/graph.h"

namespace bitsieve::train {

// Any node but conv and linear, without its clamp. Throws Error for a batch_norm, which passes fold away.
torch::Tensor compute(const Graph& graph, const Node& node, const std::vector<torch::Tensor>& in);

// bias may be undefined.
torch::Tensor convolution(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                          const Window& window);

}  // namespace bitsieve::train
