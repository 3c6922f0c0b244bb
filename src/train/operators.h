// What a node without variables computes, in torch: the meaning of runtime/reference, with a batch in front and NCHW.
#pragma once
#include <torch/torch.h>

#include <functional>
#include <vector>

#include "graph/graph.h"

namespace bitsieve::train {

// Any node but conv and linear, without its clamp. Throws Error for a batch_norm, which passes fold away.
torch::Tensor compute(const Graph& graph, const Node& node, const std::vector<torch::Tensor>& in);

// The activation fused into a node: whether there is one, whether it is a ReLU, and what it makes of x.
bool is_clamped(const Node& node);
bool ends_in_relu(const Node& node);
torch::Tensor clamped(const Node& node, const torch::Tensor& x);

// Of a conv or a linear; bias may be undefined.
torch::Tensor product(const Node& node, const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

// The same from columns: every pixel's inputs side by side in K order (quant/k_order.h), after `change` has seen them
// along their last axis, [..., K]. For what depends on the order of products; slow, and much memory.
torch::Tensor product_of_columns(const Node& node, const torch::Tensor& x, const torch::Tensor& weight,
                                 const torch::Tensor& bias,
                                 const std::function<torch::Tensor(const torch::Tensor& columns)>& change);

}  // namespace bitsieve::train
