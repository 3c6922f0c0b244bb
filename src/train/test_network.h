// Networks for tests of this folder.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <vector>

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

}  // namespace bitsieve::train::test
