#include "train/random_start.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/random.h"

namespace bitsieve::train {
namespace {

std::shared_ptr<const FoldedNorm> new_norm(std::size_t channels, float epsilon) {
  return std::make_shared<const FoldedNorm>(FoldedNorm{std::vector<float>(channels, 1), std::vector<float>(channels, 0),
                                                       std::vector<float>(channels, 0), std::vector<float>(channels, 1),
                                                       epsilon});
}

}  // namespace

Graph with_random_weights(Graph graph, std::uint64_t seed) {
  bool any = false;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (!has_weights(node)) continue;
    any = true;
    Tensor& weight = node.params[0];
    const auto outputs = static_cast<std::size_t>(weight.shape[0]);
    const std::size_t inputs = weight.data.size() / std::max<std::size_t>(outputs, 1);
    // The norm is folded into the weights, as node.norm promises.
    double factor = 1;
    if (node.norm) {
      node.norm = new_norm(outputs, node.norm->epsilon);
      factor = 1 / std::sqrt(1 + static_cast<double>(node.norm->epsilon));
    }
    const double bound = std::sqrt(6.0 / static_cast<double>(std::max<std::size_t>(inputs, 1)));
    Random random(seed, i);
    for (float& w : weight.data) w = static_cast<float>((2 * random.uniform() - 1) * bound * factor);
    if (node.params.size() > 1) std::fill(node.params[1].data.begin(), node.params[1].data.end(), 0.0f);
  }
  if (!any) fail("the network has no layer with weights to train");
  return graph;
}

}  // namespace bitsieve::train
