#include "graph/passes/passes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>

#include "base/error.h"

namespace bitsieve {
namespace {

// Moves the nodes of a graph one by one to a new list, in which a node may take in the ones that follow it. Linear in
// the number of nodes, which a file may make large.
class Rewriter {
 public:
  explicit Rewriter(Graph& graph)
      : graph_(graph), producers_(graph.values.size(), -1), readers_(graph.values.size(), 0) {
    for (const Node& node : graph.nodes) {
      for (const ValueId id : node.inputs) ++readers_[index(id)];
    }
    ++readers_[index(graph.output)];
    kept_.reserve(graph.nodes.size());
  }
  // The kept node whose result is `id`, where nothing but the present node reads it once; else null.
  Node* sole_producer(ValueId id) {
    const int producer = producers_[index(id)];
    return producer >= 0 && readers_[index(id)] == 1 ? &kept_[static_cast<std::size_t>(producer)] : nullptr;
  }
  // `target`, a kept node, has taken in the node that computed `output`.
  void redirect(Node& target, ValueId output) {
    target.output = output;
    producers_[index(output)] = static_cast<int>(&target - kept_.data());
  }
  void keep(Node node) {
    producers_.resize(graph_.values.size(), -1);  // a rewrite may add values
    readers_.resize(graph_.values.size(), 1);
    producers_[index(node.output)] = static_cast<int>(kept_.size());
    kept_.push_back(std::move(node));
  }
  void finish() { graph_.nodes = std::move(kept_); }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }
  Graph& graph_;
  std::vector<Node> kept_;
  std::vector<int> producers_, readers_;
};

// A batch norm as y = factor * x + shift per channel.
struct Affine {
  std::vector<double> factor, shift;
};

Affine affine_of(const Node& norm) {
  const std::vector<Tensor>& p = norm.params;  // gamma, beta, mean, variance
  Affine a;
  for (std::size_t c = 0; c < p[0].data.size(); ++c) {
    a.factor.push_back(p[0].data[c] / std::sqrt(static_cast<double>(p[3].data[c]) + norm.attributes.epsilon));
    a.shift.push_back(p[1].data[c] - p[2].data[c] * a.factor[c]);
  }
  return a;
}

// Whether the weights of `target` can take in `norm`: one output channel per channel of the norm, nothing in between.
// A linear layer's outputs are the channels only where it works on a vector.
bool takes_norm(const Graph& graph, const Node& target, const Node& norm) {
  const bool layer = target.op == Op::conv || (target.op == Op::linear && graph.shape(target.output).size() == 1);
  return layer && std::isinf(target.clamp_lo) && std::isinf(target.clamp_hi) &&
         target.weight().shape[0] == norm.params[0].size();
}

void need_finite(const Node& norm, const Tensor& t) {
  if (std::all_of(t.data.begin(), t.data.end(), [](float x) { return std::isfinite(x); })) return;
  fail("node '{}': folding this batch norm leaves the range of float32; its scale or variance is out of proportion",
       norm.name);
}

void fold_into(Node& target, const Node& norm, const Affine& a) {
  const auto channels = static_cast<std::int64_t>(a.factor.size());
  if (target.params.size() < 2) target.params.push_back(Tensor({channels}, 0.0f));
  Tensor& weight = target.params[0];
  const std::size_t k = weight.data.size() / a.factor.size();
  for (std::size_t j = 0; j < weight.data.size(); ++j)
    weight.data[j] = static_cast<float>(weight.data[j] * a.factor[j / k]);
  Tensor& bias = target.params[1];
  const std::vector<Tensor>& p = norm.params;
  for (std::size_t c = 0; c < a.factor.size(); ++c) {
    bias.data[c] = static_cast<float>((static_cast<double>(bias.data[c]) - p[2].data[c]) * a.factor[c] + p[1].data[c]);
  }
  need_finite(norm, weight);
  need_finite(norm, bias);
  target.norm = std::make_shared<const FoldedNorm>(
      FoldedNorm{p[0].data, p[1].data, p[2].data, p[3].data, norm.attributes.epsilon});
}

// A norm of anything but a feature map becomes a mul and an add with constants. `names` are those of all nodes.
std::array<Node, 2> split(Graph& graph, const Node& norm, const Affine& a, std::set<std::string>& names) {
  const Shape shape = graph.shape(norm.inputs[0]);
  Shape per_channel(shape.size(), 1);
  per_channel[0] = shape[0];
  const auto constant = [&](const std::vector<double>& values, const std::string& name) {
    Tensor t(per_channel);
    std::transform(values.begin(), values.end(), t.data.begin(), [](double v) { return static_cast<float>(v); });
    need_finite(norm, t);
    const ValueId id = graph.add_value(name, per_channel);
    graph.values.back().constant = std::make_shared<const Tensor>(std::move(t));
    return id;
  };
  std::string shift_name = norm.name + "/shift";
  while (!names.insert(shift_name).second) shift_name += "_";
  const ValueId factor = constant(a.factor, norm.name + "/factor"), shift = constant(a.shift, shift_name);
  Node mul, add;
  mul.op = Op::mul;
  mul.name = norm.name;
  mul.inputs = {norm.inputs[0], factor};
  mul.output = graph.add_value(norm.name + "/scaled", shape);
  add.op = Op::add;
  add.name = shift_name;
  add.inputs = {mul.output, shift};
  add.output = norm.output;
  return {std::move(mul), std::move(add)};
}

// A norm of a feature map: a depthwise 1x1 convolution computes the same.
Node depthwise(const Node& norm, const Affine& a) {
  Node conv = norm;
  const std::int64_t channels = norm.params[0].size();
  conv.op = Op::conv;
  conv.attributes = {};
  conv.attributes.window.groups = channels;
  conv.params = {Tensor({channels, 1, 1, 1}, 1.0f), Tensor({channels}, 0.0f)};
  fold_into(conv, norm, a);
  return conv;
}

}  // namespace

void fold_batch_norms(Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes) names.insert(node.name);
  std::set<std::string> several;  // layers that have taken in more than one norm
  Rewriter rewriter(graph);
  for (Node& node : graph.nodes) {
    if (node.op != Op::batch_norm) {
      rewriter.keep(std::move(node));
      continue;
    }
    const Affine affine = affine_of(node);
    Node* target = rewriter.sole_producer(node.inputs[0]);
    if (target && takes_norm(graph, *target, node)) {
      if (target->norm) several.insert(target->name);
      fold_into(*target, node, affine);
      // The statistics of norms in a row cannot be measured again at the output.
      if (several.contains(target->name)) target->norm = nullptr;
      rewriter.redirect(*target, node.output);
    } else if (graph.shape(node.inputs[0]).size() == 3) {
      rewriter.keep(depthwise(node, affine));
    } else {
      for (Node& part : split(graph, node, affine, names)) rewriter.keep(std::move(part));
    }
  }
  rewriter.finish();
}

void fuse_activations(Graph& graph) {
  Rewriter rewriter(graph);
  for (Node& node : graph.nodes) {
    const bool activation = node.op == Op::relu || node.op == Op::clip;
    Node* target = activation ? rewriter.sole_producer(node.inputs[0]) : nullptr;
    if (!target || (target->op != Op::conv && target->op != Op::linear && target->op != Op::add)) {
      rewriter.keep(std::move(node));
      continue;
    }
    const float lo = node.op == Op::relu ? 0 : node.attributes.lo;
    const float hi = node.op == Op::relu ? INFINITY : node.attributes.hi;
    // One clamp after another is one clamp: its ends are where the second takes those of the first.
    target->clamp_lo = std::min(std::max(target->clamp_lo, lo), hi);
    target->clamp_hi = std::max(std::min(target->clamp_hi, hi), lo);
    rewriter.redirect(*target, node.output);
  }
  rewriter.finish();
}

void remove_dead(Graph& graph) {
  std::vector<bool> used(graph.values.size(), false);
  used[static_cast<std::size_t>(graph.input)] = used[static_cast<std::size_t>(graph.output)] = true;
  std::vector<Node> kept;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    if (!used[static_cast<std::size_t>(graph.nodes[i].output)]) continue;
    for (const ValueId id : graph.nodes[i].inputs) used[static_cast<std::size_t>(id)] = true;
    kept.push_back(std::move(graph.nodes[i]));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  std::vector<ValueId> renamed(graph.values.size(), -1);
  std::vector<Value> values;
  for (std::size_t id = 0; id < used.size(); ++id) {
    if (!used[id]) continue;
    renamed[id] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[id]));
  }
  graph.values = std::move(values);
  const auto rename = [&](ValueId& id) { id = renamed[static_cast<std::size_t>(id)]; };
  rename(graph.input);
  rename(graph.output);
  for (Node& node : graph.nodes) {
    rename(node.output);
    std::for_each(node.inputs.begin(), node.inputs.end(), rename);
  }
}

Unfolded unfold_norm(const Node& node) {
  const FoldedNorm& norm = *node.norm;
  Unfolded result{node.weight(), std::nullopt};
  Tensor bias({node.weight().shape[0]}, 0.0f);
  const std::size_t channels = norm.gamma.size(), k = result.weight.data.size() / std::max<std::size_t>(channels, 1);
  double largest = 0, scale = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const double deviation = std::sqrt(static_cast<double>(norm.variance[c]) + norm.epsilon);
    const double factor = norm.gamma[c] == 0 ? 0 : deviation / norm.gamma[c];
    for (std::size_t i = c * k; i < (c + 1) * k; ++i)
      result.weight.data[i] = static_cast<float>(result.weight.data[i] * factor);
    const double folded = node.bias() == nullptr ? 0.0 : node.bias()->data[c];
    bias.data[c] = norm.gamma[c] == 0 ? 0.0f : static_cast<float>((folded - norm.beta[c]) * factor + norm.mean[c]);
    largest = std::max(largest, std::abs(static_cast<double>(bias.data[c])));
    scale = std::max(scale, deviation + std::abs(norm.mean[c]));
  }
  if (largest > 1e-5 * scale) result.bias = std::move(bias);
  return result;
}

}  // namespace bitsieve
