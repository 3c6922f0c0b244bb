#include "train/qat.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bitsieve::train {
namespace {

double levels(int bits) { return static_cast<double>((1 << bits) - 1); }

// round() whose gradient is 1.
torch::Tensor round_through(const torch::Tensor& x) { return x + (x.round() - x).detach(); }

// Finds its node's layer again by name: parameter names may not hold a dot.
std::string variable_name(std::string node, const char* what) {
  std::replace(node.begin(), node.end(), '.', '_');
  return node + ' ' + what;
}

}  // namespace

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
    QatLayer layer;
    layer.node = node;
    layer.bits = start.bits;
    torch::Tensor& plain = module.layer(node).weight;
    plain.set_requires_grad(false);
    if (start.bits > 0) {
      torch::Tensor weight = plain.detach().contiguous().clone();
      double scale = starting_scale(weight.data_ptr<float>(), weight.numel(), start.bits);
      if (start.planes.bits > 0) {
        const std::vector<float> w = bsq::weights(start.planes);
        std::copy(w.begin(), w.end(), weight.data_ptr<float>());
        scale = start.planes.scale;
      }
      const std::string& name = module.source().nodes[node].name;
      layer.scale = module.register_parameter(variable_name(name, "scale"), torch::tensor(static_cast<float>(scale)));
      layer.latent = module.register_parameter(variable_name(name, "latent"),
                                               scale > 0 ? (weight / scale).clamp(-1, 1) : torch::zeros_like(weight));
    }
    layers_[node] = layer;
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& plain) {
    const auto layer = layers_.find(node);
    return layer == layers_.end() ? plain : weight(layer->second, plain);
  };
}

torch::Tensor QatMethod::weight(const QatLayer& layer, const torch::Tensor& plain) const {
  if (layer.bits == 0) return torch::zeros_like(plain);
  const double top = levels(layer.bits);
  return layer.scale * (round_through(layer.latent * top) / top);
}

void QatMethod::step(double, double) {
  const torch::NoGradGuard guard;
  for (auto& [node, layer] : layers_) {
    if (layer.latent.defined()) layer.latent.clamp_(-1, 1);
  }
}

void QatMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (const auto& [node, layer] : layers_) {
    torch::Tensor& plain = module.layer(node).weight;
    plain.copy_(weight(layer, plain));
  }
  module.hooks.weight = {};
}

std::string QatMethod::status() const {
  double bits = 0, weights = 0;
  for (const auto& [node, layer] : layers_) {
    const double count = layer.latent.defined() ? static_cast<double>(layer.latent.numel()) : 0;
    bits += layer.bits * count;
    weights += count;
  }
  return fmt::format("bits {:.2f}", weights > 0 ? bits / weights : 0);
}

}  // namespace bitsieve::train
