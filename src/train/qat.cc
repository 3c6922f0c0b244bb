#include "train/qat.h"

#include <algorithm>
#include <cmath>

#include "train/through.h"

namespace bitsieve::train {
namespace {

double levels(int bits) { return static_cast<double>((1 << bits) - 1); }

}  // namespace

double latent_rate_of(double of_one_bit, int bits) { return 1 + (of_one_bit - 1) / levels(bits); }

double starting_scale(const float* weight, std::int64_t count, int bits) {
  double peak = 0;
  for (std::int64_t i = 0; i < count; ++i) peak = std::max<double>(peak, std::abs(weight[i]));
  if (bits > 4 || peak == 0) return peak;
  double best = peak, least = INFINITY;
  for (int percent = 100; percent >= 20; percent -= 2) {
    const double scale = peak * percent / 100, step = scale / levels(bits);
    double error = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double q = std::clamp(std::nearbyint(weight[i] / step), -levels(bits), levels(bits));
      error += (weight[i] - q * step) * (weight[i] - q * step);
    }
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

void QatMethod::attach(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (const auto& [node, start] : starts_) {
    if (!module.coded(node)) continue;
    torch::Tensor& plain = module.layer(node).weight;
    QatLayer layer{node, module.source().nodes[node].name, plain.numel(), start.bits, {}, 1, {}};
    plain.set_requires_grad(false);
    if (start.bits > 0) {
      const torch::Tensor weight = plain.detach().cpu().contiguous();
      const double scale =
          start.scale > 0 ? start.scale : starting_scale(weight.data_ptr<float>(), weight.numel(), start.bits);
      layer.unit = 1 / std::sqrt(latent_rate_of(options_.latent_rate, start.bits));
      layer.scale = TrainedScale::of(module, node, scale, options_.plain_scales);
      layer.latent = module.register_parameter(
          module.name_of(node, "latent"),
          scale > 0 ? (plain.detach() / scale).clamp(-1, 1) * layer.unit : torch::zeros_like(plain));
    }
    layers_[node] = layer;
  }
  const Graph& graph = module.source();
  for (std::size_t node = 0; options_.official_projection && node < graph.nodes.size(); ++node) {
    if (!has_weights(graph.nodes[node]) || module.coded(node)) continue;
    projected_.push_back(module.layer(node).weight);
    if (module.layer(node).gamma.defined()) projected_.push_back(module.layer(node).gamma);
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& plain) {
    const auto layer = layers_.find(node);
    return layer == layers_.end() ? plain : weight(layer->second, plain);
  };
}

torch::Tensor QatMethod::weight(const QatLayer& layer, const torch::Tensor& plain) const {
  if (layer.bits == 0) return torch::zeros_like(plain);
  const double top = levels(layer.bits);
  return layer.scale.value() * (round_through(layer.latent * (top / layer.unit)) / top);
}

void QatMethod::step(double, double) {
  const torch::NoGradGuard guard;
  for (auto& [node, layer] : layers_) {
    if (!layer.latent.defined()) continue;
    layer.latent.clamp_(-layer.unit, layer.unit);
    layer.scale.keep_positive();
  }
  for (torch::Tensor& variable : projected_) variable.clamp_(-1, 1);
}

void QatMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (const auto& [node, layer] : layers_) {
    torch::Tensor& plain = module.layer(node).weight;
    plain.copy_(weight(layer, plain));
  }
  module.hooks.weight = {};
}

std::vector<LayerBits> QatMethod::layer_bits() const {
  std::vector<LayerBits> result;
  for (const auto& [node, layer] : layers_)
    result.push_back({layer.name, layer.weights, layer.bits, layer.scale.number()});
  return result;
}

void QatMethod::save(State& state) const {
  for (const auto& [node, layer] : layers_) state.numbers["scale start " + layer.name] = layer.scale.start;
}

void QatMethod::load(const State& state) {
  for (auto& [node, layer] : layers_) layer.scale.start = state.number("scale start " + layer.name);
}

}  // namespace bitsieve::train
