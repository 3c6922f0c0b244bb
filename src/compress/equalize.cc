#include "compress/equalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compress/channel_moments.h"

namespace bitsieve {
namespace {

struct Pair {
  std::size_t first, second;   // node indices
  std::vector<double> factor;  // accumulated 1 / s by channel
  std::int64_t left_alone = 0;
};

// f(a x) = a f(x) for a > 0, channel by channel.
bool passes_scale(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::relu:
    case Op::leaky_relu:
    case Op::max_pool:
    case Op::average_pool:
      return true;
    case Op::reduce_mean:
      return graph.shape(node.inputs[0]).size() == 3 && node.attributes.axes == std::vector<std::int64_t>{1, 2};
    case Op::reshape: {  // only where it drops or adds axes of length 1
      const Shape& in = graph.shape(node.inputs[0]);
      const Shape& out = graph.shape(node.output);
      return channel_count(in) == element_count(in) && channel_count(out) == element_count(in);
    }
    case Op::pad: {
      const Attributes& a = node.attributes;
      return a.value == 0 && a.before.size() == 3 && a.before[0] == 0 && a.after[0] == 0;
    }
    default:
      return false;
  }
}

// The layer that takes up layer i's scale, or -1 with the reason.
int partner(const Graph& graph, std::size_t i, std::string& reason) {
  const Node* node = &graph.nodes[i];
  if (node->op == Op::linear && graph.shape(node->output).size() == 3) {
    reason = "its channels are not the feature map's";
    return -1;
  }
  if (std::isfinite(node->clamp_hi)) {
    reason = fmt::format("its upper clamp at {} (as in ReLU6) is not positively homogeneous", node->clamp_hi);
    return -1;
  }
  if (std::isfinite(node->clamp_lo) && node->clamp_lo != 0) {
    reason = fmt::format("its lower clamp at {} is not positively homogeneous", node->clamp_lo);
    return -1;
  }
  for (;;) {
    const std::vector<int> readers = graph.consumers(node->output);
    if (node->output == graph.output || readers.empty()) {
      reason = "its result is the network's output";
      return -1;
    }
    if (readers.size() > 1) {
      reason = fmt::format("'{}' has {} readers", node->name, readers.size());
      return -1;
    }
    const Node& next = graph.nodes[static_cast<std::size_t>(readers[0])];
    if (has_weights(next)) {
      // A linear layer reads a vector's last axis, a conv a feature map's first: the channels must be the same ones.
      const Shape& in = graph.shape(next.inputs[0]);
      if ((next.op == Op::conv) == (in.size() == 3)) return readers[0];
      reason = fmt::format("'{}' reads other channels", next.name);
      return -1;
    }
    if (!passes_scale(graph, next)) {
      reason = fmt::format("'{}' ({}) lies between it and the next layer", next.name, op_name(next.op));
      return -1;
    }
    node = &next;
  }
}

// Visits the index of every weight of `node` that multiplies input channel c.
template <class Visit>
void for_input_channel(const Node& node, std::size_t c, const Visit& visit) {
  const Shape& shape = node.weight().shape;
  const auto outputs = static_cast<std::size_t>(shape[0]), depth = static_cast<std::size_t>(shape[1]);
  const std::size_t taps = node.weight().data.size() / (outputs * depth);
  const auto groups = static_cast<std::size_t>(node.op == Op::conv ? node.attributes.window.groups : 1);
  const std::size_t group = c / depth;
  for (std::size_t o = group * (outputs / groups); o < (group + 1) * (outputs / groups); ++o) {
    const std::size_t first = (o * depth + c % depth) * taps;
    for (std::size_t j = first; j < first + taps; ++j) visit(j);
  }
}

template <class Visit>
void for_output_channel(const Node& node, std::size_t c, const Visit& visit) {
  const std::size_t k = node.weight().data.size() / static_cast<std::size_t>(node.weight().shape[0]);
  for (std::size_t j = c * k; j < (c + 1) * k; ++j) visit(j);
}

// A channel whose weights are nothing beside its layer's largest is dead: its s would blow up the bias or the noise.
constexpr double dead = 1e-4;

// The weights of all layers in double, so that every one is rounded once in the end, however many sweeps there are.
class Weights {
 public:
  explicit Weights(const Graph& graph) : graph_(graph) {
    for (const Node& node : graph.nodes) {
      values_.emplace_back();
      if (has_weights(node)) values_.back().assign(node.weight().data.begin(), node.weight().data.end());
    }
  }
  const std::vector<double>& of(std::size_t node) const { return values_[node]; }

  // One sweep over the pair; the largest |log| of a factor used.
  double equalize(Pair& pair) {
    std::vector<double>& before = values_[pair.first];
    std::vector<double>& after = values_[pair.second];
    const Node& first = graph_.nodes[pair.first];
    const Node& second = graph_.nodes[pair.second];
    std::vector<double> r1(pair.factor.size(), 0), r2(pair.factor.size(), 0);
    for (std::size_t c = 0; c < r1.size(); ++c) {
      for_output_channel(first, c, [&](std::size_t j) { r1[c] = std::max(r1[c], std::abs(before[j])); });
      for_input_channel(second, c, [&](std::size_t j) { r2[c] = std::max(r2[c], std::abs(after[j])); });
    }
    const double top1 = *std::max_element(r1.begin(), r1.end()), top2 = *std::max_element(r2.begin(), r2.end());
    double moved = 0;
    pair.left_alone = 0;
    for (std::size_t c = 0; c < r1.size(); ++c) {
      if (r1[c] <= dead * top1 || r2[c] <= dead * top2) {
        ++pair.left_alone;
        continue;
      }
      const double factor = std::sqrt(r2[c] / r1[c]);  // 1 / s
      for_output_channel(first, c, [&](std::size_t j) { before[j] *= factor; });
      for_input_channel(second, c, [&](std::size_t j) { after[j] /= factor; });
      pair.factor[c] *= factor;
      moved = std::max(moved, std::abs(std::log(factor)));
    }
    return moved;
  }

 private:
  const Graph& graph_;
  std::vector<std::vector<double>> values_;  // by node
};

// Bias and folded norm of the scaled channels: gamma and beta scale, the raw statistics stay.
void rescale_rest(Node& node, const std::vector<double>& factor) {
  const auto times = [](float& x, double f) { x = static_cast<float>(x * f); };
  for (std::size_t c = 0; node.params.size() > 1 && c < factor.size(); ++c) times(node.params[1].data[c], factor[c]);
  if (!node.norm) return;
  FoldedNorm norm = *node.norm;
  for (std::size_t c = 0; c < factor.size(); ++c) {
    times(norm.gamma[c], factor[c]);
    times(norm.beta[c], factor[c]);
  }
  node.norm = std::make_shared<const FoldedNorm>(std::move(norm));
}

}  // namespace

EqualizeReport equalize(Graph& graph) {
  EqualizeReport report;
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!has_weights(graph.nodes[i])) continue;
    std::string reason;
    const int second = partner(graph, i, reason);
    if (second < 0) {
      report.skipped.push_back({graph.nodes[i].name, reason});
    } else {
      const auto channels = static_cast<std::size_t>(graph.nodes[i].weight().shape[0]);
      pairs.push_back({i, static_cast<std::size_t>(second), std::vector<double>(channels, 1)});
    }
  }
  constexpr int most_sweeps = 100;
  constexpr double converged = 1e-3;  // a tenth of a percent
  Weights weights(graph);
  double moved = pairs.empty() ? 0 : 1;
  for (; moved > converged && report.sweeps < most_sweeps; ++report.sweeps) {
    moved = 0;
    for (Pair& pair : pairs) moved = std::max(moved, weights.equalize(pair));
  }
  for (const Pair& pair : pairs) {
    for (const std::size_t i : {pair.first, pair.second}) {
      std::transform(weights.of(i).begin(), weights.of(i).end(), graph.nodes[i].params[0].data.begin(),
                     [](double w) { return static_cast<float>(w); });
    }
    rescale_rest(graph.nodes[pair.first], pair.factor);
    const auto [low, high] = std::minmax_element(pair.factor.begin(), pair.factor.end());
    report.pairs.push_back({graph.nodes[pair.first].name, graph.nodes[pair.second].name,
                            static_cast<std::int64_t>(pair.factor.size()), pair.left_alone, *low, *high});
  }
  return report;
}

}  // namespace bitsieve
