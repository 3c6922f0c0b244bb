#include "compress/layer_pass.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/parallel.h"
#include "compress/scales.h"
#include "runtime/node_runner.h"
#include "runtime/reference/ops.h"

namespace bitsieve {
namespace {

std::size_t bytes_of(const QuantizedModel& model, ValueId id) {
  const bool real = model.values[static_cast<std::size_t>(id)].type == DType::f32;
  return static_cast<std::size_t>(element_count(model.graph.shape(id))) * (real ? sizeof(float) : 1);
}

// By value id: the node after which a value is not read again; the producer itself where nobody reads it.
std::vector<std::size_t> last_readers(const Graph& graph) {
  std::vector<std::size_t> last(graph.values.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    last[static_cast<std::size_t>(graph.nodes[i].output)] = i;
    for (const ValueId id : graph.nodes[i].inputs) last[static_cast<std::size_t>(id)] = i;
  }
  return last;
}

// Of the values that are alive together, where each is freed after its last reader.
template <class BytesOf>
std::int64_t peak_bytes(const Graph& graph, const BytesOf& bytes) {
  const std::vector<std::size_t> last = last_readers(graph);
  std::int64_t alive = bytes(graph.input), peak = alive;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    alive += bytes(graph.nodes[i].output);
    peak = std::max(peak, alive);
    std::vector<ValueId> read = graph.nodes[i].inputs;
    read.push_back(graph.nodes[i].output);
    std::sort(read.begin(), read.end());
    read.erase(std::unique(read.begin(), read.end()), read.end());
    for (const ValueId id : read) {
      if (!graph.is_constant(id) && last[static_cast<std::size_t>(id)] == i) alive -= bytes(id);
    }
  }
  return peak;
}

// Node `index` alone, with a real output and no clamp.
QuantizedModel bare_node(const QuantizedModel& model, std::size_t index) {
  QuantizedModel bare;
  const Graph& graph = model.graph;
  bare.graph.name = graph.name;
  for (const Value& value : graph.values) bare.graph.values.push_back({value.name, value.shape, value.constant});
  bare.graph.nodes = {graph.nodes[index]};
  Node& node = bare.graph.nodes[0];
  node.clamp_lo = -std::numeric_limits<float>::infinity();
  node.clamp_hi = std::numeric_limits<float>::infinity();
  bare.values = model.values;
  bare.values[static_cast<std::size_t>(node.output)] = {};
  bare.layers = {model.layers[index]};
  if (bare.layers[0].integer) set_multipliers(bare, 0);
  return bare;
}

}  // namespace

LayerPass::LayerPass(const QuantizedModel& model, std::int64_t images, const ImageLoader& image, int threads)
    : model_(model),
      images_(static_cast<std::size_t>(std::max<std::int64_t>(images, 0))),
      threads_(worker_count(images, threads)),
      last_reader_(last_readers(model.graph)),
      values_(model.graph.values.size()) {
  const Graph& graph = model.graph;
  if (images < 1) fail("model '{}': a pass over its layers needs at least one image", graph.name);
  const auto input = static_cast<std::size_t>(graph.input);
  const std::int64_t count = element_count(graph.shape(graph.input));
  values_[input].resize(images_);
  parallel_for(images, threads_, [&](std::int64_t i, int) {
    std::vector<float> real(static_cast<std::size_t>(count));
    image(i, real);
    std::vector<std::uint8_t>& coded = values_[input][static_cast<std::size_t>(i)];
    coded.resize(bytes_of(model_, graph.input));
    if (model_.values[input].type == DType::f32) {
      std::memcpy(coded.data(), real.data(), coded.size());
    } else {
      reference::quantize(real.data(), count, model_.values[input], coded.data());
    }
  });
}

std::vector<const void*> LayerPass::inputs(std::size_t image) const {
  std::vector<const void*> pointers;
  for (const ValueId id : model_.graph.nodes[node_].inputs) {
    const auto& alive = values_[static_cast<std::size_t>(id)];
    pointers.push_back(alive.empty() ? nullptr : alive[image].data());  // constants have no values here
  }
  return pointers;
}

void LayerPass::advance() {
  if (done()) fail("model '{}': the pass over its layers is over", model_.graph.name);
  const Node& node = model_.graph.nodes[node_];
  const NodeRunner runner(model_, static_cast<int>(node_), false);
  auto& out = values_[static_cast<std::size_t>(node.output)];
  out.resize(images_);
  parallel_for(static_cast<std::int64_t>(images_), threads_, [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    out[at].resize(bytes_of(model_, node.output));
    runner.run(inputs(at), out[at].data());
  });
  for (std::size_t id = 0; id < values_.size(); ++id) {
    if (last_reader_[id] <= node_ && !values_[id].empty()) values_[id] = {};
  }
  ++node_;
}

void LayerPass::pre_activation(const std::function<void(std::int64_t, int, std::span<const float>)>& visit) const {
  const Node& node = model_.graph.nodes.at(node_);
  if (node.op != Op::conv && node.op != Op::linear) {
    fail("node '{}': {} has no real output before its clamp; conv and linear have", node.name, op_name(node.op));
  }
  const QuantizedModel bare = bare_node(model_, node_);
  const NodeRunner runner(bare, 0, false);
  const auto count = static_cast<std::size_t>(element_count(model_.graph.shape(node.output)));
  parallel_for(static_cast<std::int64_t>(images_), threads_, [&](std::int64_t i, int worker) {
    thread_local std::vector<float> real;
    real.resize(count);
    runner.run(inputs(static_cast<std::size_t>(i)), real.data());
    visit(i, worker, real);
  });
}

ChannelMoments LayerPass::moments() const {
  const std::int64_t channels = channel_count(model_.graph.shape(model_.graph.nodes.at(node_).output));
  std::vector<ChannelMoments> of_image(images_);
  pre_activation([&](std::int64_t i, int, std::span<const float> data) {
    of_image[static_cast<std::size_t>(i)] = channel_moments(data, channels);
  });
  ChannelMoments all;
  for (const ChannelMoments& one : of_image) all.merge(one);
  return all;
}

std::int64_t LayerPass::bytes_per_image(const QuantizedModel& model) {
  return peak_bytes(model.graph, [&](ValueId id) { return static_cast<std::int64_t>(bytes_of(model, id)); });
}

std::int64_t LayerPass::bytes_per_image(const Graph& graph) {
  return peak_bytes(
      graph, [&](ValueId id) { return element_count(graph.shape(id)) * static_cast<std::int64_t>(sizeof(float)); });
}

void check_same_nodes(const Graph& quantized, const Graph& real) {
  bool same = quantized.nodes.size() == real.nodes.size() && quantized.values.size() == real.values.size();
  for (std::size_t i = 0; same && i < real.nodes.size(); ++i) {
    const Node &a = quantized.nodes[i], &b = real.nodes[i];
    same = a.name == b.name && a.op == b.op && a.inputs == b.inputs && a.output == b.output &&
           quantized.shape(a.output) == real.shape(b.output) &&
           (!has_weights(a) || a.weight().shape == b.weight().shape);
  }
  if (!same) fail("model '{}': the float network has other nodes than the quantized one", quantized.name);
}

}  // namespace bitsieve
