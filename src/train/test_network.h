// Networks for tests of this folder.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/preprocess.h"
#include "graph/graph.h"
#include "train/graph_module.h"

namespace bitsieve::train::test {

inline Tensor random_tensor(const Shape& shape, double size) {
  const torch::Tensor t = torch::randn(shape) * size;
  Tensor tensor(shape, 0.0f);
  std::copy_n(t.data_ptr<float>(), t.numel(), tensor.data.begin());
  return tensor;
}

// Linear layers of these widths, "linear.W", with ReLUs between them.
inline Graph linear_network(std::int64_t input, const std::vector<std::int64_t>& widths, std::uint64_t seed = 11) {
  Graph graph;
  graph.name = "linear";
  graph.input = graph.add_value("input", {input});
  torch::manual_seed(seed);
  ValueId last = graph.input;
  for (const std::int64_t width : widths) {
    Node node{};
    node.op = Op::linear;
    node.name = fmt::format("linear.{}", width);
    node.inputs = {last};
    node.params = {random_tensor({width, input}, 0.3), Tensor({width}, 0.0f)};
    node.clamp_lo = width == widths.back() ? -INFINITY : 0;
    node.output = last = graph.add_value(node.name, {width});
    graph.nodes.push_back(node);
    input = width;
  }
  graph.output = last;
  validate(graph);
  return graph;
}

// A conv of nothing but its weights, without padding; the graph gets its output.
inline Node conv_node(Graph& graph, ValueId input, const Shape& weight, std::int64_t stride, double size) {
  Node conv{};
  conv.op = Op::conv;
  conv.name = "conv";
  conv.inputs = {input};
  conv.attributes.window.kernel = {weight[2], weight[3]};
  conv.attributes.window.stride = {stride, stride};
  conv.params = {random_tensor(weight, size), random_tensor({weight[0]}, size)};
  conv.output = graph.add_value("conv", {});
  graph.values.back().shape = infer_shape(graph, conv);
  return conv;
}

// For pictures of 6 x 6: a conv with a folded norm and a ReLU, and a linear layer for four classes.
inline Graph small_network() {
  Graph graph;
  graph.name = "small";
  graph.input = graph.add_value("input", {1, 6, 6});
  torch::manual_seed(21);
  Node conv = conv_node(graph, graph.input, {4, 1, 3, 3}, 3, 0.3);
  conv.clamp_lo = 0;
  conv.norm = std::make_shared<const FoldedNorm>(
      FoldedNorm{{0.9f, 1.1f, 1, 0.8f}, {0.1f, 0, -0.1f, 0.2f}, {0, 0.1f, 0.2f, 0}, {1, 0.7f, 1.2f, 0.9f}, 1e-5f});
  Node flat{};
  flat.op = Op::reshape;
  flat.name = "flat";
  flat.inputs = {conv.output};
  flat.output = graph.add_value("flat", {16});
  Node linear{};
  linear.op = Op::linear;
  linear.name = "linear";
  linear.inputs = {flat.output};
  linear.params = {random_tensor({4, 16}, 0.3), random_tensor({4}, 0.3)};
  linear.output = graph.output = graph.add_value("linear", {4});
  graph.nodes = {conv, flat, linear};
  validate(graph);
  return graph;
}

// Pictures for it. Class i of four: the quarter of the picture that is bright.
class Quarters : public Dataset {
 public:
  std::int64_t size() const override { return 256; }
  std::string description() const override { return "quarters"; }
  int label(std::int64_t i) const override { return static_cast<int>(i % 4); }
  Image image(std::int64_t i) const override {
    Image picture{6, 6, 1, std::vector<std::uint8_t>(36, 0)};
    for (std::int64_t p = 0; p < 36; ++p) {
      const std::int64_t quarter = p / 18 * 2 + p % 6 / 3;
      const std::int64_t noise = (p * 37 + i * 101) % 90;
      picture.pixels[static_cast<std::size_t>(p)] = static_cast<std::uint8_t>((quarter == i % 4 ? 120 : 40) + noise);
    }
    return picture;
  }
};

inline Preprocessing gray() {
  Preprocessing p;
  p.channels = ChannelOrder::gray;
  return p;
}

}  // namespace bitsieve::train::test
