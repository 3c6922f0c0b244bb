#include "compress/float_moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "quant/value_digests.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

struct Place {
  int layer = -1;                      // -1: not a layer's output
  bool before = false, after = false;  // what of it; both where there is no clamp
};

// The same network with every layer's clamp as a node of its own; places[id] says what a value is.
Graph split_clamps(const Graph& graph, std::vector<Place>& places) {
  Graph split = graph;
  split.nodes.clear();
  places.assign(graph.values.size(), {});
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    const bool layer = node.op == Op::conv || node.op == Op::linear;
    const bool clamped = !std::isinf(node.clamp_lo) || !std::isinf(node.clamp_hi);
    if (layer) places[static_cast<std::size_t>(node.output)] = {static_cast<int>(i), !clamped, true};
    if (!layer || !clamped) {
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
    places.push_back({static_cast<int>(i), true, false});
    clamp.inputs = {node.output};
    node.clamp_lo = -std::numeric_limits<float>::infinity();
    node.clamp_hi = std::numeric_limits<float>::infinity();
    split.nodes.push_back(std::move(node));
    split.nodes.push_back(std::move(clamp));
  }
  return split;
}

}  // namespace

std::vector<LayerMoments> float_moments(const Graph& graph, std::int64_t images, const ImageLoader& image,
                                        int threads) {
  std::vector<Place> places;
  const QuantizedModel network = float_model(split_clamps(graph, places));
  const Executor executor(network);
  constexpr std::int64_t block = 32;  // merged in order, a block at a time
  threads = worker_count(block, threads);
  std::vector<Executor::Workspace> workspaces(static_cast<std::size_t>(threads));
  std::vector<LayerMoments> all(graph.nodes.size());
  for (std::int64_t first = 0; first < images; first += block) {
    const std::int64_t n = std::min(block, images - first);
    std::vector<std::vector<LayerMoments>> seen(static_cast<std::size_t>(n),
                                                std::vector<LayerMoments>(graph.nodes.size()));
    parallel_for(n, threads, [&](std::int64_t i, int worker) {
      std::vector<float> input(static_cast<std::size_t>(element_count(graph.shape(graph.input)))), scores;
      image(first + i, input);
      executor.run(input, workspaces[static_cast<std::size_t>(worker)], scores, [&](ValueId id, const void* data) {
        const Place& place = places[static_cast<std::size_t>(id)];
        if (place.layer < 0) return;
        const Shape& shape = network.graph.shape(id);
        const auto count = static_cast<std::size_t>(element_count(shape));
        LayerMoments& layer = seen[static_cast<std::size_t>(i)][static_cast<std::size_t>(place.layer)];
        ChannelMoments moments = channel_moments({static_cast<const float*>(data), count}, channel_count(shape));
        if (place.before) layer.before = moments;
        if (place.after) layer.after = std::move(moments);
      });
    });
    for (const auto& one : seen) {
      for (std::size_t layer = 0; layer < one.size(); ++layer) {
        all[layer].before.merge(one[layer].before);
        all[layer].after.merge(one[layer].after);
      }
    }
  }
  return all;
}

const std::vector<LayerMoments>& FloatMomentsCache::get(const Graph& graph, std::int64_t images,
                                                        const ImageLoader& image, int threads) {
  // Of all outputs in the order of the nodes, since the moments are listed by node.
  const std::vector<Digest> digests = value_digests(float_model(graph));
  ContentHash network;
  for (const Node& node : graph.nodes) {
    const Digest& digest = digests[static_cast<std::size_t>(node.output)];
    network.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
  const std::pair key(network.digest(), images);
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  return known_.emplace(key, float_moments(graph, images, image, threads)).first->second;
}

}  // namespace bitsieve
