#include "compress/prune.h"

#include <algorithm>
#include <cmath>

namespace bitsieve {
namespace {

// Keeps the two largest of the `count` (at most 4) weights at the given indices.
void prune_group(std::vector<float>& w, const std::size_t* at, std::size_t count) {
  std::size_t order[4];
  std::copy_n(at, count, order);
  std::stable_sort(order, order + count, [&](std::size_t a, std::size_t b) { return std::abs(w[a]) > std::abs(w[b]); });
  for (std::size_t i = 2; i < count; ++i) w[order[i]] = 0;
}

double energy(const std::vector<float>& w) {
  double sum = 0;
  for (const float x : w) sum += static_cast<double>(x) * x;
  return sum;
}

PrunedLayer prune_layer(Node& node) {
  Tensor& weight = node.params[0];
  const auto zeros = [&] { return std::count(weight.data.begin(), weight.data.end(), 0.0f); };
  PrunedLayer report{node.name, weight.size(), -zeros(), 0, 1};
  const double before = energy(weight.data);
  const auto outputs = static_cast<std::size_t>(weight.shape[0]),
             k = weight.data.size() / std::max<std::size_t>(outputs, 1);
  const std::size_t depth = node.op == Op::conv ? static_cast<std::size_t>(weight.shape[1]) : k, taps = k / depth;
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t first = 0; first < k; first += 4) {
      std::size_t at[4];
      const std::size_t count = std::min<std::size_t>(4, k - first);
      // Position j in K order is tap j / depth, input channel j % depth; the tensor has the channel outside.
      for (std::size_t i = 0; i < count; ++i) at[i] = o * k + (first + i) % depth * taps + (first + i) / depth;
      prune_group(weight.data, at, count);
    }
  }
  report.zeros = zeros();
  report.zeroed += report.zeros;
  if (before > 0) report.energy_kept = energy(weight.data) / before;
  return report;
}

}  // namespace

PruneReport prune_two_of_four(Graph& graph, const PruneOptions& options) {
  PruneReport report;
  const std::vector<bool> outermost = outermost_layers(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (!has_weights(node)) continue;
    const bool depthwise = node.op == Op::conv && node.weight().shape[1] == 1;
    report.weights += node.weight().size();
    const bool asked = std::find(options.always.begin(), options.always.end(), node.name) != options.always.end();
    if ((outermost[i] && !asked) || depthwise || node.weight().size() == 0) {
      report.skipped.push_back(node.name);
      report.zeros += std::count(node.weight().data.begin(), node.weight().data.end(), 0.0f);
      continue;
    }
    report.layers.push_back(prune_layer(node));
    report.zeros += report.layers.back().zeros;
  }
  return report;
}

}  // namespace bitsieve
