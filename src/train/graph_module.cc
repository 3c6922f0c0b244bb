#include "train/graph_module.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/passes/passes.h"
#include "train/operators.h"

namespace bitsieve::train {
namespace {

torch::Tensor to_torch(const Tensor& t) {
  return torch::from_blob(const_cast<float*>(t.data.data()), t.shape, torch::kFloat32).clone();
}

torch::Tensor to_torch(const std::vector<float>& v) {
  return torch::from_blob(const_cast<float*>(v.data()), {static_cast<std::int64_t>(v.size())}, torch::kFloat32).clone();
}

std::vector<float> to_vector(const torch::Tensor& t) {
  const torch::Tensor flat = t.detach().cpu().contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

// The layer before its norm, and the norm: the inverse of fold().
void unfold(Layer& layer, const Node& node) {
  const Unfolded raw = unfold_norm(node);
  layer.weight = to_torch(raw.weight);
  if (raw.bias) layer.bias = to_torch(*raw.bias);
  layer.gamma = to_torch(node.norm->gamma);
  layer.beta = to_torch(node.norm->beta);
  layer.mean = to_torch(node.norm->mean);
  layer.variance = to_torch(node.norm->variance);
  layer.epsilon = node.norm->epsilon;
}

void fold(Node& node, const Layer& layer) {
  std::vector<float> weight = to_vector(layer.weight);
  const auto channels = static_cast<std::size_t>(node.weight().shape[0]);
  std::vector<float> bias = layer.bias.defined() ? to_vector(layer.bias) : std::vector<float>(channels, 0.0f);
  if (layer.gamma.defined()) {
    const FoldedNorm norm{to_vector(layer.gamma), to_vector(layer.beta), to_vector(layer.mean),
                          to_vector(layer.variance), static_cast<float>(layer.epsilon)};
    const std::size_t k = weight.size() / std::max<std::size_t>(channels, 1);
    for (std::size_t c = 0; c < channels; ++c) {
      const double factor = norm.gamma[c] / std::sqrt(static_cast<double>(norm.variance[c]) + norm.epsilon);
      for (std::size_t i = c * k; i < (c + 1) * k; ++i) weight[i] = static_cast<float>(weight[i] * factor);
      bias[c] = static_cast<float>((bias[c] - norm.mean[c]) * factor + norm.beta[c]);
    }
    node.norm = std::make_shared<const FoldedNorm>(norm);
  }
  node.params[0].data = std::move(weight);
  if (node.params.size() < 2 && !layer.gamma.defined() && !layer.bias.defined()) return;
  node.params.resize(2);
  node.params[1] = Tensor({static_cast<std::int64_t>(channels)}, 0.0f);
  node.params[1].data = std::move(bias);
}

}  // namespace

GraphModule::GraphModule(Graph graph)
    : graph_(std::move(graph)), layers_(graph_.nodes.size()), constants_(graph_.values.size()) {
  validate(graph_);
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    if (graph_.values[v].constant) {
      constants_[v] = register_buffer("constant " + std::to_string(v), to_torch(*graph_.values[v].constant));
    }
  }
  last_reader_.assign(graph_.values.size(), 0);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    for (const ValueId id : node.inputs) last_reader_[static_cast<std::size_t>(id)] = i;
    Layer& layer = layers_[i];
    if (has_weights(node) && node.norm) {
      unfold(layer, node);
    } else if (has_weights(node)) {
      layer.weight = to_torch(node.weight());
      if (node.bias() != nullptr) layer.bias = to_torch(*node.bias());
    }
    const auto trained = [&](torch::Tensor& t, const char* what) {
      if (t.defined()) t = register_parameter(name_of(i, what), t);
    };
    trained(layer.weight, "weight");
    trained(layer.bias, "bias");
    trained(layer.gamma, "gamma");
    trained(layer.beta, "beta");
    if (layer.mean.defined()) {
      layer.mean = register_buffer(name_of(i, "mean"), layer.mean);
      layer.variance = register_buffer(name_of(i, "variance"), layer.variance);
    }
  }
  last_reader_[static_cast<std::size_t>(graph_.output)] = graph_.nodes.size();
}

std::string GraphModule::name_of(std::size_t node, const char* what) const {
  std::string name = graph_.nodes[node].name;
  std::replace(name.begin(), name.end(), '.', '_');
  return name + ' ' + what;
}

void GraphModule::take(const GraphModule& other) {
  const torch::NoGradGuard guard;
  const auto copy = [](auto&& mine, auto&& theirs) {
    for (auto& item : mine) {
      if (const torch::Tensor* const same = theirs.find(item.key())) item.value().copy_(*same);
    }
  };
  copy(named_parameters(), other.named_parameters());
  copy(named_buffers(), other.named_buffers());
}

torch::Device GraphModule::device() const {
  const std::vector<torch::Tensor> variables = parameters();
  return variables.empty() ? torch::Device(torch::kCPU) : variables[0].device();
}

torch::Tensor GraphModule::run_layer(std::size_t index, const torch::Tensor& x) {
  const Node& node = graph_.nodes[index];
  Layer& layer = layers_[index];
  const torch::Tensor weight = hooks.weight ? hooks.weight(index, layer.weight) : layer.weight;
  torch::Tensor y;
  if (hooks.product) y = hooks.product(index, x, weight, layer.bias);
  if (!y.defined()) y = product(node, x, weight, layer.bias);
  if (!layer.gamma.defined()) return y;
  // A linear layer's channels are last, wherever else its input has axes.
  const bool channels_last = node.op == Op::linear && y.dim() > 2;
  if (channels_last) y = y.movedim(-1, 1);
  if (is_training() && group != nullptr && group->size() > 1) {
    y = batch_norm(*group, y, layer.gamma, layer.beta, layer.mean, layer.variance, norm_momentum, layer.epsilon);
    return channels_last ? y.movedim(1, -1) : y;
  }
  y = torch::batch_norm(y, layer.gamma, layer.beta, layer.mean, layer.variance, is_training(), norm_momentum,
                        layer.epsilon, false);
  return channels_last ? y.movedim(1, -1) : y;
}

torch::Tensor GraphModule::run(std::size_t index, const std::vector<torch::Tensor>& in) {
  const Node& node = graph_.nodes[index];
  if (hooks.sum && (node.op == Op::add || node.op == Op::sub)) {
    const torch::Tensor y = hooks.sum(index, in[0], in[1]);
    if (y.defined()) return y;
  }
  const torch::Tensor y = has_weights(node) ? run_layer(index, in[0]) : compute(graph_, node, in);
  if (!hooks.value) return clamped(node, y);
  const bool relu = ends_in_relu(node);
  return hooks.value(node.output, relu ? y : clamped(node, y), relu);
}

torch::Tensor GraphModule::forward(const torch::Tensor& x) {
  std::vector<torch::Tensor> values = constants_;
  values[static_cast<std::size_t>(graph_.input)] = hooks.value ? hooks.value(graph_.input, x, false) : x;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    std::vector<torch::Tensor> in;
    for (const ValueId id : node.inputs) in.push_back(values[static_cast<std::size_t>(id)]);
    values[static_cast<std::size_t>(node.output)] = run(i, in);
    for (const ValueId id : node.inputs) {
      if (last_reader_[static_cast<std::size_t>(id)] == i) values[static_cast<std::size_t>(id)].reset();
    }
  }
  return values[static_cast<std::size_t>(graph_.output)];
}

Graph GraphModule::graph() const {
  Graph result = graph_;
  for (std::size_t i = 0; i < result.nodes.size(); ++i) {
    if (has_weights(result.nodes[i])) fold(result.nodes[i], layers_[i]);
  }
  return result;
}

}  // namespace bitsieve::train
