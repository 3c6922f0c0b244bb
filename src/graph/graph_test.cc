// validate() and infer_shape() on graphs that are wrong in one place each.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace bitsieve {
namespace {

// A graph of one node on an 2x4x4 input.
Graph one_node(Op op, Attributes attributes, std::vector<Tensor> params, Shape out) {
  Graph graph;
  graph.name = "g";
  graph.input = graph.add_value("x", {2, 4, 4});
  graph.output = graph.add_value("y", std::move(out));
  Node node;
  node.op = op;
  node.name = "n";
  node.inputs = {graph.input};
  node.output = graph.output;
  node.attributes = std::move(attributes);
  node.params = std::move(params);
  graph.nodes.push_back(std::move(node));
  return graph;
}

std::string message_of(const Graph& graph) {
  try {
    validate(graph);
  } catch (const Error& error) {
    return error.what();
  }
  return "(valid)";
}

Attributes window(std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t before,
                  std::int64_t after) {
  Attributes a;
  a.window.kernel = {kernel, kernel};
  a.window.stride = {stride, stride};
  a.window.dilation = {dilation, dilation};
  a.window.pad_before = {before, before};
  a.window.pad_after = {after, after};
  return a;
}

TEST(Graph, WrongCountsOfInputsAndParameters) {
  EXPECT_EQ(message_of(one_node(Op::relu, {}, {}, {2, 4, 4})), "(valid)");
  EXPECT_EQ(message_of(one_node(Op::add, {}, {}, {2, 4, 4})), "node 'n': add with 1 inputs");
  EXPECT_EQ(message_of(one_node(Op::conv, {}, {}, {2, 4, 4})), "node 'n': conv with 0 parameters");
  EXPECT_EQ(message_of(one_node(Op::batch_norm, {}, {Tensor({2})}, {2, 4, 4})),
            "node 'n': batch_norm with 1 parameters");
  Graph graph = one_node(Op::relu, {}, {}, {2, 4, 4});
  graph.nodes[0].inputs = {7};
  EXPECT_EQ(message_of(graph), "node 'n' reads a value that is not computed before it");
  EXPECT_THROW(infer_shape(graph, graph.nodes[0]), Error);
}

TEST(Graph, WindowsOfAbsurdSize) {
  constexpr std::int64_t huge = std::int64_t{1} << 60;
  const std::string sizes = "node 'n': kernel, stride and dilation must be 1 to 1073741824";
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, 2, 1, 0, 0), {}, {2, 2, 2})), "(valid)");
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(huge, 1, 1, 0, 0), {}, {2, 2, 2})), sizes);
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, huge, 1, 0, 0), {}, {2, 2, 2})), sizes);
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, 1, huge, 0, 0), {}, {2, 2, 2})), sizes);
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, 1, 1, huge, 0), {}, {2, 2, 2})),
            "node 'n': padding must be 0 to 1048576");
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(5, 1, 1, 0, 0), {}, {2, 2, 2})),
            "node 'n': a window of 5 does not fit an input of 4 with padding");
}

TEST(Graph, PoolsThatSeeOnlyPadding) {
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, 1, 1, 2, 0), {}, {2, 5, 5})),
            "node 'n': a window of 2 with padding 2 and 0 sees nothing of an input of 4");
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, 1, 1, 0, 2), {}, {2, 5, 5})),
            "node 'n': a window of 2 with padding 0 and 2 sees nothing of an input of 4");
  // Taps at -1 and 4 of an input of 4: both in the padding.
  EXPECT_EQ(message_of(one_node(Op::average_pool, window(2, 1, 5, 1, 1), {}, {2, 1, 1})),
            "node 'n': a window of 6 with padding 1 and 1 sees nothing of an input of 4");
  EXPECT_EQ(message_of(one_node(Op::max_pool, window(2, 1, 1, 1, 1), {}, {2, 5, 5})), "(valid)");
}

TEST(Graph, AxesAndNumbers) {
  Attributes a;
  a.axes = {0, 0, 1};
  EXPECT_EQ(message_of(one_node(Op::transpose, a, {}, {2, 2, 4})), "node 'n': axis 0 is named twice");
  EXPECT_EQ(message_of(one_node(Op::reduce_mean, a, {}, {1, 1, 4})), "node 'n': axis 0 is named twice");
  a.axes = {3};
  EXPECT_EQ(message_of(one_node(Op::reduce_mean, a, {}, {2, 4, 4})), "node 'n': axis out of range");
  a.lo = 1;
  EXPECT_EQ(message_of(one_node(Op::clip, a, {}, {2, 4, 4})), "node 'n': it clips to 1 ... 0");
  a.alpha = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of(one_node(Op::leaky_relu, a, {}, {2, 4, 4})), "node 'n' has an attribute that is not finite");
  EXPECT_EQ(message_of(one_node(Op::conv, {}, {Tensor({1, 2, 1, 1}, std::vector<float>{1})}, {1, 4, 4})),
            "node 'n' has a weight of 1x2x1x1 with 1 elements");
  const Tensor one({2}, 1.0f), negative({2}, -1.0f);
  EXPECT_EQ(message_of(one_node(Op::batch_norm, {}, {one, one, one, negative}, {2, 4, 4})),
            "node 'n': a variance plus epsilon is not positive");
}

TEST(Graph, MacsSaturate) {
  constexpr std::int64_t large = std::int64_t{1} << 32;
  Graph graph = one_node(Op::matmul, {}, {}, {1, large});
  graph.values[0].shape = {1, large};
  EXPECT_EQ(macs(graph, graph.nodes[0]), std::numeric_limits<std::int64_t>::max());
  graph.values[0].shape = {1, 3};
  EXPECT_EQ(macs(graph, graph.nodes[0]), 3 * large);
}

}  // namespace
}  // namespace bitsieve
