#include "graph/passes/passes.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitsieve {
namespace {

bool only_reader(const Graph& graph, ValueId id) { return id != graph.output && graph.consumers(id).size() == 1; }

}  // namespace

void fold_batch_norms(Graph& graph) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& norm = graph.nodes[i];
    if (norm.op != Op::batch_norm) continue;
    const std::vector<Tensor> p = norm.params;  // gamma, beta, mean, variance
    const std::int64_t channels = p[0].size();
    const float epsilon = norm.attributes.epsilon;
    std::vector<double> factor(static_cast<std::size_t>(channels));
    for (std::size_t c = 0; c < factor.size(); ++c) {
      factor[c] = p[0].data[c] / std::sqrt(static_cast<double>(p[3].data[c]) + epsilon);
    }
    const int producer = graph.producer(norm.inputs[0]);
    Node* target = producer >= 0 ? &graph.nodes[static_cast<std::size_t>(producer)] : nullptr;
    const bool foldable = target && (target->op == Op::conv || target->op == Op::linear) && only_reader(graph, norm.inputs[0]) &&
                          target->weight().shape[0] == channels;
    if (!foldable) {
      // A depthwise 1x1 convolution computes the same; it needs a feature map.
      if (graph.shape(norm.inputs[0]).size() != 3) {
        fail("node '{}': a batch norm that does not follow a convolution or matrix product needs a feature map", norm.name);
      }
      norm.op = Op::conv;
      norm.attributes = {};
      norm.attributes.window.groups = channels;
      norm.params = {Tensor({channels, 1, 1, 1}, 1.0f), Tensor({channels}, 0.0f)};
      target = &norm;
    }
    Tensor& weight = target->params[0];
    if (target->params.size() < 2) target->params.push_back(Tensor({channels}, 0.0f));
    Tensor& bias = target->params[1];
    const std::size_t k = weight.data.size() / factor.size();
    for (std::size_t j = 0; j < weight.data.size(); ++j) weight.data[j] = static_cast<float>(weight.data[j] * factor[j / k]);
    for (std::size_t c = 0; c < factor.size(); ++c) {
      bias.data[c] = static_cast<float>((static_cast<double>(bias.data[c]) - p[2].data[c]) * factor[c] + p[1].data[c]);
    }
    target->norm = std::make_shared<const FoldedNorm>(FoldedNorm{p[0].data, p[1].data, p[2].data, p[3].data, epsilon});
    if (foldable) {
      target->output = norm.output;
      graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i--));
    }
  }
}

void fuse_activations(Graph& graph) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& act = graph.nodes[i];
    if (act.op != Op::relu && act.op != Op::clip) continue;
    const int producer = graph.producer(act.inputs[0]);
    if (producer < 0 || !only_reader(graph, act.inputs[0])) continue;
    Node& target = graph.nodes[static_cast<std::size_t>(producer)];
    if (target.op != Op::conv && target.op != Op::linear && target.op != Op::add) continue;
    const float lo = act.op == Op::relu ? 0 : act.attributes.lo;
    const float hi = act.op == Op::relu ? INFINITY : act.attributes.hi;
    // Clamping to [a, b] and then to [lo, hi] is one clamp only where the ranges are nested as usual.
    target.clamp_lo = std::min(std::max(target.clamp_lo, lo), hi);
    target.clamp_hi = std::max(std::min(target.clamp_hi, hi), lo);
    target.output = act.output;
    graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i--));
  }
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

}  // namespace bitsieve
