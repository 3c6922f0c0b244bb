// Straight-through estimators: a forward value with another one's gradient.
#pragma once
#include <torch/torch.h>

namespace bitsieve::train {

// `value`, with the gradient of x. value: without gradient, of x's shape.
torch::Tensor through(const torch::Tensor& x, const torch::Tensor& value);

// round(), halves to even, whose gradient is 1.
inline torch::Tensor round_through(const torch::Tensor& x) { return through(x, x.detach().round()); }

}  // namespace bitsieve::train
