#include "train/plain_bsq.h"

#include "methods/bsq/bit_planes.h"
#include "train/through.h"

namespace bitsieve::train {

torch::Tensor PlainBsqLayer::weight() const {
  torch::Tensor u = torch::zeros_like(positive[0]);
  for (int b = 0; b < bits; ++b) u = u + (1 << b) * (positive[bits - 1 - b] - negative[bits - 1 - b]);
  return scale * (round_through(u) / static_cast<double>((1 << bits) - 1));
}

torch::Tensor PlainBsqLayer::group_lasso() const {
  torch::Tensor sum = torch::zeros({}, scale.options().requires_grad(false));
  for (int b = 0; b < bits; ++b)
    sum = sum + torch::sqrt(bsq::norm_epsilon + positive[b].square().sum() + negative[b].square().sum());
  return sum;
}

void PlainBsqMethod::attach(GraphModule& module) {
  const Graph& graph = module.source();
  layer_of_.assign(graph.nodes.size(), -1);
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (!module.coded(node)) continue;
    torch::Tensor& variable = module.layer(node).weight;
    variable.set_requires_grad(false);
    const torch::Tensor weight = variable.detach().cpu().contiguous();
    const bsq::BitPlanes planes =
        bsq::split({weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel())}, options_.bits);
    std::vector<std::int64_t> shape = weight.sizes().vec();
    shape.insert(shape.begin(), planes.bits);
    auto* values = const_cast<float*>(planes.values.data());
    PlainBsqLayer layer;
    layer.node = node;
    layer.bits = planes.bits;
    layer.positive = module.register_parameter(module.name_of(node, "positive"),
                                               torch::from_blob(values, shape).clone().to(variable.device()));
    layer.negative = module.register_parameter(
        module.name_of(node, "negative"),
        torch::from_blob(values + planes.bits * planes.size, shape).clone().to(variable.device()));
    layer.scale =
        module.register_parameter(module.name_of(node, "scale"), torch::tensor(planes.scale).to(variable.device()));
    weights_ += static_cast<double>(planes.size);
    layer_of_[node] = static_cast<int>(layers_.size());
    layers_.push_back(std::move(layer));
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& plain) {
    const int layer = layer_of_[node];
    return layer < 0 ? plain : layers_[static_cast<std::size_t>(layer)].weight();
  };
}

void PlainBsqMethod::regularize() {
  torch::Tensor loss =
      torch::zeros({}, layers_.empty() ? torch::TensorOptions() : layers_[0].scale.options().requires_grad(false));
  for (const PlainBsqLayer& layer : layers_) {
    const double kappa = static_cast<double>(layer.positive[0].numel()) * layer.bits / weights_;
    loss = loss + options_.alpha.value() * kappa * layer.group_lasso();
  }
  loss.backward();
}

void PlainBsqMethod::step(double, double) {
  const torch::NoGradGuard guard;
  for (PlainBsqLayer& layer : layers_) {
    layer.positive.clamp_(0, 2);
    layer.negative.clamp_(0, 2);
  }
}

void PlainBsqMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (const PlainBsqLayer& layer : layers_) module.layer(layer.node).weight.copy_(layer.weight());
  module.hooks.weight = {};
}

}  // namespace bitsieve::train
