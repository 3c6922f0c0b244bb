#include "train/coded.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "methods/methods.h"
#include "methods/swis/shift_sets.h"
#include "train/through.h"

namespace bitsieve::train {
namespace {

// [O][C][kh][kw] to K order, [O][kh][kw][C], and back; a linear layer's weights are in order.
torch::Tensor to_k_order(const torch::Tensor& w) {
  return w.dim() == 4 ? w.permute({0, 2, 3, 1}).contiguous() : w.contiguous();
}
torch::Tensor from_k_order(const torch::Tensor& w) { return w.dim() == 4 ? w.permute({0, 3, 1, 2}) : w; }

torch::Tensor values_of(const CodedWeights& coded, const torch::Tensor& like) {
  torch::Tensor values = torch::empty(like.sizes());
  const std::size_t k = coded.q.size() / coded.scale.size();
  float* const to = values.data_ptr<float>();
  for (std::size_t i = 0; i < coded.q.size(); ++i) to[i] = static_cast<float>(coded.q[i]) * coded.scale[i / k];
  return values;
}

}  // namespace

CodedMethod::CodedMethod(const CodedOptions& options) : options_(options), code_(require_weight_code(options.code)) {
  if (code_.measures_alpha)
    fail("training with '{}' is not possible: its search needs statistics of the layers' inputs", options.code);
}

void CodedMethod::attach(GraphModule& module) {
  graph_ = &module.source();
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    if (!module.coded(node)) continue;
    Layer& layer = layers_[node];
    layer.plain = module.layer(node).weight;
    search(node, layer);
  }
  module.hooks.weight = [this](std::size_t node, const torch::Tensor& plain) {
    const auto layer = layers_.find(node);
    return layer == layers_.end() ? plain : weight(layer->second);
  };
}

void CodedMethod::search(std::size_t node, Layer& layer) const {
  const torch::Tensor w = to_k_order(layer.plain.detach().cpu());
  const std::int64_t outputs = w.size(0);
  layer.coded =
      code_.quantize({w.data_ptr<float>(), outputs, w.numel() / outputs, graph_->nodes[node].weight().shape[1]});
}

void CodedMethod::round_to_sets(std::size_t node, Layer& layer) const {
  const SharedShifts& shifts = layer.coded.shifts;
  if (!shifts.active()) return search(node, layer);
  const torch::Tensor w = to_k_order(layer.plain.detach().cpu());
  const std::int64_t outputs = w.size(0), k = w.numel() / outputs;
  const float* const from = w.data_ptr<float>();
  for (std::int64_t o = 0; o < outputs; ++o) {
    const float scale = layer.coded.scale[static_cast<std::size_t>(o)];
    for (std::int64_t i = 0; i < k; ++i) {
      const float steps = std::clamp(std::nearbyint(from[o * k + i] / scale), -128.0f, 127.0f);
      layer.coded.q[static_cast<std::size_t>(o * k + i)] = static_cast<std::int8_t>(
          swis::nearest_weight(static_cast<int>(steps), shifts.set[group_of_weight(shifts, k, o, i)]));
    }
  }
}

torch::Tensor CodedMethod::weight(const Layer& layer) {
  const torch::Tensor values = from_k_order(values_of(layer.coded, to_k_order(layer.plain.detach())));
  return through(layer.plain, values.contiguous().to(layer.plain.device()));
}

void CodedMethod::step(double, double) {
  ++steps_;
  const bool again = options_.interval > 0 && steps_ % options_.interval == 0;
  for (auto& [node, layer] : layers_) again ? search(node, layer) : round_to_sets(node, layer);
}

void CodedMethod::finish(GraphModule& module) {
  const torch::NoGradGuard guard;
  for (auto& [node, layer] : layers_) {
    // Averages may have moved the weights since the last step.
    options_.interval > 0 ? search(node, layer) : round_to_sets(node, layer);
    module.layer(node).weight.copy_(weight(layer));
  }
  module.hooks.weight = {};
}

void CodedMethod::save(State& state) const {
  state.numbers["steps"] = static_cast<double>(steps_);
  for (const auto& [node, layer] : layers_) {
    const std::string& name = graph_->nodes[node].name;
    const SharedShifts& shifts = layer.coded.shifts;
    state.arrays["scales " + name] = layer.coded.scale;
    state.arrays["integers " + name].assign(layer.coded.q.begin(), layer.coded.q.end());
    state.arrays["sets " + name].assign(shifts.set.begin(), shifts.set.end());
  }
}

void CodedMethod::load(const State& state) {
  steps_ = state.whole("steps");
  for (auto& [node, layer] : layers_) {
    const std::string& name = graph_->nodes[node].name;
    const auto bytes = [&](const std::string& key, auto& into, float least, float most) {
      const std::vector<float>& values = state.array(key, into.size());
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (!(values[i] >= least && values[i] <= most) || values[i] != std::floor(values[i]))
          fail("the state's '{}' holds {}", key, values[i]);
        into[i] = static_cast<std::remove_reference_t<decltype(into[0])>>(values[i]);
      }
    };
    layer.coded.scale = state.array("scales " + name, layer.coded.scale.size());
    bytes("integers " + name, layer.coded.q, -128, 127);
    bytes("sets " + name, layer.coded.shifts.set, 0, 255);
  }
}

}  // namespace bitsieve::train
