#include "compress/float_moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

// The same network with every layer's clamp as a node of its own; of_value[id] is the layer whose bare output it is,
// or -1.
Graph split_clamps(const Graph& graph, std::vector<int>& of_value) {
  Graph split = graph;
  split.nodes.clear();
  of_value.assign(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    const bool layer = node.op == Op::conv || node.op == Op::linear;
    if (!layer || (std::isinf(node.clamp_lo) && std::isinf(node.clamp_hi))) {
      if (layer) of_value[static_cast<std::size_t>(node.output)] = static_cast<int>(i);
      split.nodes.push_back(std::move(node));
      continue;
    }
    Node clamp{};
    clamp.op = Op::clip;
    clamp.name = node.name + " clamp";
    clamp.attributes.lo = node.clamp_lo;
    clamp.attributes.hi = node.clamp_hi;
    clamp.output = node.output;
    node.output = split.add_value(node.name + " before its clamp", graph.shape(node.output));
    of_value.push_back(static_cast<int>(i));
    clamp.inputs = {node.output};
    node.clamp_lo = -std::numeric_limits<float>::infinity();
    node.clamp_hi = std::numeric_limits<float>::infinity();
    split.nodes.push_back(std::move(node));
    split.nodes.push_back(std::move(clamp));
  }
  return split;
}

}  // namespace

std::vector<ChannelMoments> float_moments(const Graph& graph, std::int64_t images, const ImageLoader& image,
                                          int threads) {
  std::vector<int> of_value;
  const QuantizedModel network = float_model(split_clamps(graph, of_value));
  const Executor executor(network);
  if (threads <= 0) threads = available_threads();
  std::vector<Executor::Workspace> workspaces(static_cast<std::size_t>(threads));
  std::vector<ChannelMoments> all(graph.nodes.size());
  constexpr std::int64_t block = 32;  // merged in order, a block at a time
  for (std::int64_t first = 0; first < images; first += block) {
    const std::int64_t n = std::min(block, images - first);
    std::vector<std::vector<ChannelMoments>> seen(static_cast<std::size_t>(n),
                                                  std::vector<ChannelMoments>(graph.nodes.size()));
    parallel_for(n, threads, [&](std::int64_t i, int worker) {
      std::vector<float> input(static_cast<std::size_t>(element_count(graph.shape(graph.input)))), scores;
      image(first + i, input);
      executor.run(input, workspaces[static_cast<std::size_t>(worker)], scores, [&](ValueId id, const void* data) {
        const int layer = of_value[static_cast<std::size_t>(id)];
        if (layer < 0) return;
        const Shape& shape = network.graph.shape(id);
        const auto count = static_cast<std::size_t>(element_count(shape));
        seen[static_cast<std::size_t>(i)][static_cast<std::size_t>(layer)] =
            channel_moments({static_cast<const float*>(data), count}, channel_count(shape));
      });
    });
    for (const auto& one : seen) {
      for (std::size_t layer = 0; layer < one.size(); ++layer) all[layer].merge(one[layer]);
    }
  }
  return all;
}

}  // namespace bitsieve
