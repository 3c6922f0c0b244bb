#include "train/bsq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernels/plane_step/plane_step.h"

namespace bitsieve::train {
namespace {

constexpr int int8_bits = 7;  // of a magnitude

std::span<const float> view(const torch::Tensor& t) {
  return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())};
}

}  // namespace

void BsqMethod::attach(GraphModule& module) {
  const Graph& graph = module.source();
  layer_of_.assign(graph.nodes.size(), -1);
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (!has_weights(graph.nodes[node])) continue;
    BsqLayer layer;
    layer.node = node;
    torch::Tensor& variable = module.layer(node).weight;
    variable.set_requires_grad(false);
    const torch::Tensor weight = variable.detach().contiguous();
    layer.planes = bsq::split(view(weight), options_.bits);
    layer.weight = torch::empty_like(weight).set_requires_grad(true);
    weights_ += layer.planes.size;
    restart(layer);
    layer_of_[node] = static_cast<int>(layers_.size());
    layers_.push_back(std::move(layer));
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& weight) {
    const int layer = layer_of_[node];
    return layer < 0 ? weight : layers_[static_cast<std::size_t>(layer)].weight;
  };
}

void BsqMethod::restart(BsqLayer& layer) const {
  layer.shrinkage.assign(layer.planes.values.size(), 0.0f);
  layer.momentum.assign(static_cast<std::size_t>(layer.planes.size), 0.0f);
  layer.scale_momentum = 0;
  layer.norms = bsq::group_norms(layer.planes);
  const std::vector<float> weight = bsq::weights(layer.planes);
  const torch::NoGradGuard guard;
  std::copy(weight.begin(), weight.end(), layer.weight.data_ptr<float>());
}

bool BsqMethod::begin_epoch(GraphModule&, int epoch, int epochs) {
  if (epoch % options_.interval != 0 && epoch != epochs) return false;
  for (BsqLayer& layer : layers_) {
    layer.adjusted += bsq::adjust(layer.planes, options_.most_bits);
    if (epoch == epochs) layer.adjusted += bsq::halve(layer.planes, int8_bits);
    restart(layer);
  }
  return true;
}

void BsqMethod::step(double rate, double momentum) {
  for (BsqLayer& layer : layers_) step(layer, rate, momentum);
}

void BsqMethod::step(BsqLayer& layer, double rate, double momentum) const {
  bsq::BitPlanes& planes = layer.planes;
  if (!layer.weight.grad().defined()) return;
  const torch::Tensor gradient = layer.weight.grad().contiguous();
  float* const weight = layer.weight.data_ptr<float>();
  // Of the scale: <G, weights / scale>, with the weights that gave G.
  double by_scale = 0;
  const std::span<const float> g = view(gradient);
  for (std::size_t i = 0; i < g.size(); ++i) by_scale += static_cast<double>(g[i]) * weight[i];
  std::vector<float> rho;
  const double kappa = static_cast<double>(planes.size) * planes.bits / static_cast<double>(weights_);
  for (const double norm : layer.norms)
    rho.push_back(static_cast<float>(options_.decay + options_.alpha * kappa / norm));

  const PlaneStepKernel& kernel = select_plane_step(best_isa());
  const std::int64_t chunks = (planes.size + plane_step_chunk - 1) / plane_step_chunk;
  const auto bits = static_cast<std::size_t>(planes.bits);
  std::vector<double> squares(static_cast<std::size_t>(chunks) * bits);
  const float step = planes.step();
  parallel_for(chunks, chunks < 8 ? 1 : options_.threads, [&](std::int64_t chunk, int) {
    const std::int64_t first = chunk * plane_step_chunk;
    PlaneStepArgs args;
    args.count = std::min(plane_step_chunk, planes.size - first);
    args.bits = planes.bits;
    args.stride = planes.size;
    args.planes = planes.values.data() + first;
    args.shrinkage = layer.shrinkage.data() + first;
    args.momentum = layer.momentum.data() + first;
    args.gradient = gradient.data_ptr<float>() + first;
    args.rho = rho.data();
    args.step = step;
    args.rate = static_cast<float>(rate);
    args.keep = static_cast<float>(momentum);
    args.rounded = weight + first;
    args.squares = squares.data() + static_cast<std::size_t>(chunk) * bits;
    kernel.run(args);
  });
  for (std::size_t b = 0; b < bits; ++b) {
    double sum = bsq::norm_epsilon;
    for (std::size_t chunk = 0; chunk < static_cast<std::size_t>(chunks); ++chunk) sum += squares[chunk * bits + b];
    layer.norms[b] = std::sqrt(sum);
  }
  if (options_.train_scale && planes.scale > 0) {
    layer.scale_momentum = momentum * layer.scale_momentum + by_scale / planes.scale;
    const double moved = planes.scale - rate * layer.scale_momentum;
    planes.scale = static_cast<float>(std::max(moved, 0.5 * planes.scale));  // stays above 0 (specification, F)
  }
  for (std::int64_t i = 0; i < planes.size; ++i) weight[i] *= planes.step();
  layer.weight.mutable_grad().reset();
}

void BsqMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (BsqLayer& layer : layers_) module.layer(layer.node).weight.copy_(layer.weight);
  module.hooks.weight = {};
}

double BsqMethod::bits() const {
  double sum = 0;
  for (const BsqLayer& layer : layers_) {
    const auto zero = [](float value) { return value == 0; };
    const bool gone = std::all_of(layer.planes.values.begin(), layer.planes.values.end(), zero);
    if (!gone) sum += static_cast<double>(layer.planes.size) * layer.planes.bits;
  }
  return weights_ == 0 ? 0 : sum / static_cast<double>(weights_);
}

std::string BsqMethod::status() const { return fmt::format("bits {:.2f}", bits()); }

}  // namespace bitsieve::train
