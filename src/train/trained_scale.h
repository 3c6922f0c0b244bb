// The scale of a layer's weights, trained as a multiple of what it starts from.
//
// A network that reads pixels of 0 to 255 has first weights a hundredth of one that reads 0 to 1, and gradients a
// hundred times as large: steps of plain SGD along the scale itself would be ten thousand times as large beside it.
// Steps along the multiple are the same for both, as they are for latent weights, which are multiples of the scale too.
#pragma once
#include "train/graph_module.h"

namespace bitsieve::train {

struct TrainedScale {
  double start = 0;        // kept by whoever saves the layer, as `multiple` alone is a variable
  torch::Tensor multiple;  // 1 at the start

  // Registers the variable with the module. start: of the weight whose magnitude bits are all ones; 0 stays 0. plain:
  // the variable is the scale itself.
  static TrainedScale of(GraphModule& module, std::size_t node, double start, bool plain) {
    const auto like = module.layer(node).weight.detach().options().requires_grad(false);
    return {plain ? 1 : start,
            module.register_parameter(module.name_of(node, "scale"), torch::full({}, plain ? start : 1, like))};
  }
  bool defined() const { return multiple.defined(); }
  torch::Tensor value() const { return multiple * start; }
  double number() const { return defined() ? value().item<double>() : 0; }
  // After a step; with gradients switched off. A scale that changes its sign would turn the layer around.
  void keep_positive() { multiple.clamp_min_(1e-6); }
};

}  // namespace bitsieve::train
