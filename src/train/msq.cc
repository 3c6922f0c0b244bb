#include "train/msq.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "train/through.h"

namespace bitsieve::train {

void MsqMethod::attach(GraphModule& module) {
  const torch::NoGradGuard guard;
  const Graph& graph = module.source();
  layer_of_.assign(graph.nodes.size(), -1);
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (!module.coded(node)) continue;
    torch::Tensor& plain = module.layer(node).weight;
    plain.set_requires_grad(false);
    MsqLayer layer{node, graph.nodes[node].name, options_.bits, 0, {}, {}};
    const torch::Tensor peak = plain.detach().abs().max().clamp_min(1e-12);
    layer.scale = TrainedScale::of(module, node, peak.item<double>(), options_.plain_scales);
    layer.latent = module.register_parameter(module.name_of(node, "latent"), plain.detach() / peak);
    layer_of_[node] = static_cast<int>(layers_.size());
    layers_.push_back(std::move(layer));
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& plain) {
    const int layer = layer_of_[node];
    return layer < 0 ? plain : weight(layers_[static_cast<std::size_t>(layer)]);
  };
}

torch::Tensor MsqMethod::weight(const MsqLayer& layer) const {
  const double bins = std::ldexp(1.0, layer.bits);
  const torch::Tensor k = (layer.latent.detach() * bins).round_().clamp_(-(bins - 1), bins - 1);
  return layer.scale.value() * through(layer.latent, k.div_(bins));
}

double MsqMethod::odd_share(const MsqLayer& layer) {
  const torch::NoGradGuard guard;
  const double bins = std::ldexp(1.0, layer.bits);
  const torch::Tensor k = (layer.latent * bins).round_().clamp_(-(bins - 1), bins - 1);
  return k.remainder(2).abs().mean().item<double>();
}

bool MsqMethod::reached() const { return magnitude_bits(layer_bits()) <= options_.target; }

bool MsqMethod::begin_step(GraphModule&, double epoch, int epochs) {
  const std::int64_t due = intervals_of(epoch, options_.interval);
  if (due == intervals_ && epoch != epochs) return false;
  intervals_ = due;
  std::vector<std::pair<double, MsqLayer*>> even;
  for (MsqLayer& layer : layers_) {
    const double share = odd_share(layer);
    if (layer.bits > 1 && share <= options_.odd_share) even.emplace_back(share, &layer);
  }
  std::stable_sort(even.begin(), even.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  bool changed = false;
  for (const auto& [share, layer] : even) {
    if (reached()) break;
    --layer->bits;
    ++layer->from_bottom;
    changed = true;
  }
  return changed;
}

// An odd integer is half a step from the bin of an even one at most, and a constant gradient moves a weight by
// rate * gradient / (1 - momentum) a step.
double MsqMethod::lambda(const MsqLayer& layer) const {
  if (options_.lambda) return *options_.lambda;
  constexpr double most_hurry = 16;  // where a schedule ends at no rate at all
  const double speed = std::max(rate_, pace_.rate / most_hurry) / (1 - pace_.momentum),
               steps = std::max(1.0, static_cast<double>(pace_.steps) / 3);
  return speed > 0 ? std::ldexp(0.5, -layer.bits) / (speed * steps) : 0;
}

void MsqMethod::regularize() {
  if (reached()) return;
  const torch::NoGradGuard guard;
  for (MsqLayer& layer : layers_) {
    if (!layer.latent.grad().defined() || layer.bits <= 1) continue;
    const torch::Tensor half = layer.latent * std::ldexp(0.5, layer.bits);
    layer.latent.mutable_grad().add_((half - half.round()).sign_(), lambda(layer));
  }
}

void MsqMethod::step(double rate, double) {
  const torch::NoGradGuard guard;
  rate_ = rate;
  for (MsqLayer& layer : layers_) {
    layer.latent.clamp_(-1, 1);
    layer.scale.keep_positive();
  }
}

void MsqMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (const MsqLayer& layer : layers_) module.layer(layer.node).weight.copy_(weight(layer));
  module.hooks.weight = {};
}

std::vector<LayerBits> MsqMethod::layer_bits() const {
  std::vector<LayerBits> result;
  for (const MsqLayer& layer : layers_) {
    const double bins = std::ldexp(1.0, layer.bits);
    LayerBits bits;
    bits.node = layer.name;
    bits.weights = layer.latent.numel();
    bits.bits = layer.bits;
    bits.scale = layer.scale.number() * (bins - 1) / bins;
    bits.from_bottom = layer.from_bottom;
    result.push_back(bits);
  }
  return result;
}

void MsqMethod::save(State& state) const {
  state.numbers["intervals"] = static_cast<double>(intervals_);
  state.numbers["last rate"] = rate_;
  for (const MsqLayer& layer : layers_) {
    state.numbers["bits " + layer.name] = layer.bits;
    state.numbers["from bottom " + layer.name] = layer.from_bottom;
    state.numbers["scale start " + layer.name] = layer.scale.start;
  }
}

void MsqMethod::load(const State& state) {
  intervals_ = state.whole("intervals");
  rate_ = state.number("last rate");
  for (MsqLayer& layer : layers_) {
    const std::int64_t bits = state.whole("bits " + layer.name);
    if (bits < 1 || bits > options_.bits) fail("the state has {} bits for layer '{}'", bits, layer.name);
    layer.bits = static_cast<int>(bits);
    layer.from_bottom = static_cast<int>(state.whole("from bottom " + layer.name));
    layer.scale.start = state.number("scale start " + layer.name);
  }
}

}  // namespace bitsieve::train
