#include "train/bsq.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "base/cpu.h"
#include "base/error.h"
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
    if (!module.coded(node)) continue;
    BsqLayer layer;
    layer.node = node;
    layer.name = graph.nodes[node].name;
    torch::Tensor& variable = module.layer(node).weight;
    variable.set_requires_grad(false);
    const torch::Tensor weight = variable.detach().cpu().contiguous();
    layer.planes = bsq::split(view(weight), options_.bits);
    layer.rounded.resize(view(weight).size());
    layer.weight = torch::empty_like(variable.detach(), torch::MemoryFormat::Contiguous).set_requires_grad(true);
    weights_ += layer.planes.size;
    restart(layer);
    layer_of_[node] = static_cast<int>(layers_.size());
    layers_.push_back(std::move(layer));
  }
  alpha_ = options_.alpha ? *options_.alpha : alpha_for_pace();
  if (options_.official_projection) {
    for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
      if (!has_weights(graph.nodes[node]) || module.coded(node)) continue;
      const Layer& layer = module.layer(node);
      for (const torch::Tensor& variable : {layer.weight, layer.gamma, layer.beta}) {
        if (variable.defined()) projected_.push_back(variable);
      }
    }
    for (const auto& item : module.named_parameters()) {
      if (item.key().ends_with(" range")) projected_.push_back(item.value());
    }
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& weight) {
    const int layer = layer_of_[node];
    return layer < 0 ? weight : layers_[static_cast<std::size_t>(layer)].weight;
  };
}

double BsqMethod::kappa(const BsqLayer& layer) const {
  return static_cast<double>(layer.planes.size) * layer.planes.bits / static_cast<double>(weights_);
}

// A plane's norm shrinks by rate alpha kappa / (1 - momentum) in a step (specification of BSQ, D.3).
double BsqMethod::alpha_for_pace() const {
  const double share = 1 - (options_.floor > 0 ? options_.floor : 0.5),
               steps = std::max(1.0, static_cast<double>(pace_.steps) / 3),
               speed = pace_.rate * options_.plane_rate / (1 - pace_.momentum);
  if (!(speed > 0) || weights_ == 0) return 0;
  double sum = 0;
  for (const BsqLayer& layer : layers_)
    sum += static_cast<double>(layer.planes.size) * share * layer.start / (layer.planes.bits * kappa(layer));
  return sum / static_cast<double>(weights_) / (speed * steps);
}

std::map<std::string, double> BsqMethod::chosen() const {
  return options_.alpha ? std::map<std::string, double>{} : std::map<std::string, double>{{"--alpha", alpha_}};
}

// The layer's rounded weights become what the network computes with.
void BsqMethod::publish(BsqLayer& layer) {
  const torch::NoGradGuard guard;
  layer.weight.copy_(torch::from_blob(layer.rounded.data(), layer.weight.sizes()));
}

void BsqMethod::restart(BsqLayer& layer) {
  layer.shrinkage.assign(layer.planes.values.size(), 0.0f);
  layer.momentum.assign(static_cast<std::size_t>(layer.planes.size), 0.0f);
  layer.scale_momentum = 0;
  layer.scale_start = layer.planes.scale;
  layer.norms = bsq::group_norms(layer.planes);
  layer.start = 0;
  for (const double norm : layer.norms) layer.start += norm;
  layer.rounded = bsq::weights(layer.planes);
  publish(layer);
}

bool BsqMethod::begin_step(GraphModule&, double epoch, int epochs) {
  const std::int64_t due = intervals_of(epoch, options_.interval);
  if (due == intervals_ && epoch != epochs) return false;
  intervals_ = due;
  for (BsqLayer& layer : layers_) {
    layer.adjusted += bsq::adjust(layer.planes, options_.most_bits, options_.strip_share);
    if (epoch == epochs) layer.adjusted += bsq::halve(layer.planes, int8_bits);
    restart(layer);
  }
  reached_ = options_.target > 0 && magnitude_bits(layer_bits()) <= options_.target;
  choose_pressed();
  return true;
}

void BsqMethod::step(double rate, double momentum) {
  for (BsqLayer& layer : layers_) measure(layer);
  const std::vector<double> factors = pressures();
  for (std::size_t i = 0; i < layers_.size(); ++i) step(layers_[i], factors[i], rate, momentum);
  const torch::NoGradGuard guard;
  for (torch::Tensor& variable : projected_) variable.clamp_(0, 2);
}

void BsqMethod::measure(BsqLayer& layer) const {
  constexpr double keep = 0.99;  // some hundred steps
  if (!options_.by_sensitivity || !layer.weight.grad().defined()) return;
  const double now = layer.weight.grad().square().mean().item<double>();
  layer.energy = layer.energy == 0 ? now : keep * layer.energy + (1 - keep) * now;
}

double BsqMethod::cost(const BsqLayer& layer) {
  constexpr double heed = 0.25;
  const double scale = layer.planes.scale;
  return std::pow(layer.energy * scale * scale, heed) * std::ldexp(1.0, -2 * layer.planes.bits);
}

// With a floor a layer loses one bit until the next adjustment: where the target is nearer than one bit of every layer,
// only as many as it takes, the cheapest first. And a layer with one bit left is spared, since it could only die.
void BsqMethod::choose_pressed() {
  if (!(options_.floor > 0)) return;
  for (BsqLayer& layer : layers_) layer.pressed = layer.planes.bits > 1;
  if (!options_.by_sensitivity || !(options_.target > 0)) return;
  std::vector<BsqLayer*> order;
  double left = 0;
  for (BsqLayer& layer : layers_) {
    if (!(layer.energy > 0)) return;  // nothing is known yet
    order.push_back(&layer);
    left += static_cast<double>(layer.planes.size) * layer.planes.bits;
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const BsqLayer* a, const BsqLayer* b) { return cost(*a) < cost(*b); });
  const double most = options_.target * static_cast<double>(weights_);
  for (BsqLayer* layer : order) {
    if (left <= most) layer->pressed = false;
    if (layer->pressed) left -= static_cast<double>(layer->planes.size);
  }
  // The last of them may have been a large one: smaller ones before it can then keep their bit, the dearest first.
  for (auto layer = order.rbegin(); layer != order.rend(); ++layer) {
    const auto size = static_cast<double>((*layer)->planes.size);
    if (!(*layer)->pressed || left + size > most) continue;
    (*layer)->pressed = false;
    left += size;
  }
}

std::vector<double> BsqMethod::pressures() const {
  constexpr double most = 16;
  std::vector<double> factors(layers_.size(), 1);
  if (!options_.by_sensitivity) return factors;
  double sum = 0, weights = 0;
  for (const BsqLayer& layer : layers_) {
    if (!(cost(layer) > 0)) continue;
    const auto size = static_cast<double>(layer.planes.size);
    sum += size * std::log(cost(layer));
    weights += size;
  }
  if (weights == 0) return factors;
  const double mean = std::exp(sum / weights);
  for (std::size_t i = 0; i < layers_.size(); ++i)
    factors[i] = std::clamp(mean / std::max(cost(layers_[i]), 1e-300), 1 / most, most);
  return factors;
}

void BsqMethod::step(BsqLayer& layer, double pressure, double rate, double momentum) const {
  bsq::BitPlanes& planes = layer.planes;
  if (!layer.weight.grad().defined()) return;
  const torch::Tensor gradient = layer.weight.grad().cpu().contiguous();
  float* const weight = layer.rounded.data();
  // Of the scale: <G, weights / scale>, with the weights that gave G.
  double by_scale = 0;
  const std::span<const float> g = view(gradient);
  for (std::size_t i = 0; i < g.size(); ++i) by_scale += static_cast<double>(g[i]) * weight[i];
  // Now, and by its name: an adjustment may come before the next loss.
  if (!std::isfinite(by_scale))
    fail("training: the gradient of layer '{}' is no number; a lower learning rate may help", layer.name);
  std::vector<float> rho;
  // An alpha that is chosen by the pace keeps it, whatever the schedule leaves of the rate: at the end of a cosine bits
  // would fall no more, and a target be missed.
  constexpr double most_hurry = 16;
  const double hurry = options_.alpha || !(rate > 0) ? 1 : std::min(pace_.rate / rate, most_hurry);
  const double group = alpha_ * pressure * kappa(layer) * hurry;
  double left = 0;
  for (const double norm : layer.norms) left += norm;
  const bool rests = reached_ || !layer.pressed || left < options_.floor * layer.start;
  if (rests) std::fill(layer.shrinkage.begin(), layer.shrinkage.end(), 0.0f);  // it would go on for ten steps and more
  for (const double norm : layer.norms) rho.push_back(rests ? 0.0f : static_cast<float>(options_.decay + group / norm));

  const PlaneStepKernel& kernel = select_plane_step(best_isa());
  const std::int64_t chunks = (planes.size + plane_step_chunk - 1) / plane_step_chunk;
  const auto bits = static_cast<std::size_t>(planes.bits);
  std::vector<double> squares(static_cast<std::size_t>(chunks) * bits);
  const float step = planes.step();
  const auto run = [&](std::int64_t chunk) {
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
    args.rate = static_cast<float>(rate * options_.plane_rate);
    args.keep = static_cast<float>(momentum);
    args.rounded = weight + first;
    args.squares = squares.data() + static_cast<std::size_t>(chunk) * bits;
    kernel.run(args);
  };
  // By torch's own threads: they spin for a while after each operation, and others would have to wait for them.
  at::parallel_for(0, chunks, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) run(chunk);
  });
  for (std::size_t b = 0; b < bits; ++b) {
    double sum = bsq::norm_epsilon;
    for (std::size_t chunk = 0; chunk < static_cast<std::size_t>(chunks); ++chunk) sum += squares[chunk * bits + b];
    layer.norms[b] = std::sqrt(sum);
  }
  if (options_.train_scale && planes.scale > 0) {
    const double decay = options_.official_scale_decay ? options_.decay * planes.scale : 0;
    // By the multiple of the start, and that step times the start.
    const double unit = options_.plain_scales ? 1 : layer.scale_start * layer.scale_start;
    layer.scale_momentum = momentum * layer.scale_momentum + unit * by_scale / planes.scale + decay;
    const double moved = planes.scale - rate * layer.scale_momentum;
    planes.scale = static_cast<float>(std::max(moved, 0.5 * planes.scale));  // stays above 0 (specification, F)
  }
  const float limit = options_.official_clip ? static_cast<float>((1 << planes.bits) - 1) : INFINITY;
  for (std::int64_t i = 0; i < planes.size; ++i) weight[i] = std::clamp(weight[i], -limit, limit) * planes.step();
  publish(layer);
  layer.weight.mutable_grad().reset();
}

std::vector<torch::Tensor> BsqMethod::variables() const {
  std::vector<torch::Tensor> weights;
  for (const BsqLayer& layer : layers_) weights.push_back(layer.weight);
  return weights;
}

void BsqMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (BsqLayer& layer : layers_) module.layer(layer.node).weight.copy_(layer.weight);
  module.hooks.weight = {};
}

std::vector<LayerBits> BsqMethod::layer_bits() const {
  std::vector<LayerBits> result;
  for (const BsqLayer& layer : layers_) {
    const bool gone =
        std::all_of(layer.planes.values.begin(), layer.planes.values.end(), [](float v) { return v == 0; });
    result.push_back({layer.name, layer.planes.size, gone ? 0 : layer.planes.bits, layer.planes.scale,
                      layer.adjusted.from_top, layer.adjusted.from_bottom, layer.adjusted.grown,
                      layer.adjusted.halved});
  }
  return result;
}

void BsqMethod::save(State& state) const {
  state.numbers["reached"] = reached_;
  state.numbers["intervals"] = static_cast<double>(intervals_);
  for (const BsqLayer& layer : layers_) {
    const auto key = [&](const char* what) { return what + (' ' + layer.name); };
    state.numbers[key("bits")] = layer.planes.bits;
    state.numbers[key("scale")] = layer.planes.scale;
    state.numbers[key("scale momentum")] = layer.scale_momentum;
    state.numbers[key("scale start")] = layer.scale_start;
    state.numbers[key("start")] = layer.start;
    state.numbers[key("energy")] = layer.energy;
    state.numbers[key("pressed")] = layer.pressed;
    state.numbers[key("from top")] = layer.adjusted.from_top;
    state.numbers[key("from bottom")] = layer.adjusted.from_bottom;
    state.numbers[key("grown")] = layer.adjusted.grown;
    state.numbers[key("halved")] = layer.adjusted.halved;
    state.arrays[key("planes")] = layer.planes.values;
    state.arrays[key("shrinkage")] = layer.shrinkage;
    state.arrays[key("plane momentum")] = layer.momentum;
    state.arrays[key("rounded")] = layer.rounded;
    for (std::size_t b = 0; b < layer.norms.size(); ++b)
      state.numbers[key("norm") + ' ' + std::to_string(b)] = layer.norms[b];
  }
}

void BsqMethod::load(const State& state) {
  reached_ = state.number("reached") != 0;
  intervals_ = state.whole("intervals");
  for (BsqLayer& layer : layers_) {
    const auto key = [&](const char* what) { return what + (' ' + layer.name); };
    const std::int64_t bits = state.whole(key("bits"));
    if (bits < 1 || bits > bsq::most_bits) fail("the state has {} bits for layer '{}'", bits, layer.name);
    bsq::BitPlanes& planes = layer.planes;
    const auto size = static_cast<std::size_t>(planes.size), all = 2 * static_cast<std::size_t>(bits) * size;
    planes.bits = static_cast<int>(bits);
    planes.scale = static_cast<float>(state.number(key("scale")));
    planes.values = state.array(key("planes"), all);
    layer.shrinkage = state.array(key("shrinkage"), all);
    layer.momentum = state.array(key("plane momentum"), size);
    layer.scale_momentum = state.number(key("scale momentum"));
    layer.scale_start = state.number(key("scale start"));
    layer.start = state.number(key("start"));
    layer.energy = state.number(key("energy"));
    layer.pressed = state.number(key("pressed")) != 0;
    layer.adjusted.from_top = static_cast<int>(state.whole(key("from top")));
    layer.adjusted.from_bottom = static_cast<int>(state.whole(key("from bottom")));
    layer.adjusted.grown = static_cast<int>(state.whole(key("grown")));
    layer.adjusted.halved = static_cast<int>(state.whole(key("halved")));
    layer.norms.clear();
    for (std::int64_t b = 0; b < bits; ++b) layer.norms.push_back(state.number(key("norm") + ' ' + std::to_string(b)));
    layer.rounded = state.array(key("rounded"), size);
    publish(layer);
  }
}

}  // namespace bitsieve::train
