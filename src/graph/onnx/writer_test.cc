#include "graph/onnx/writer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"

namespace bitsieve {
namespace {

Graph prepared(Graph graph) {
  fold_batch_norms(graph);
  fuse_activations(graph);
  return graph;
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  double largest = 0;
  for (const float value : a) largest = std::max<double>(largest, std::abs(value));
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance * largest + 1e-30);
}

// The same nodes, in the same order, with the same numbers.
void expect_same(const Graph& a, const Graph& b, double tolerance) {
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  EXPECT_EQ(a.shape(a.input), b.shape(b.input));
  EXPECT_EQ(a.shape(a.output), b.shape(b.output));
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &m = a.nodes[i], &n = b.nodes[i];
    SCOPED_TRACE(m.name);
    ASSERT_EQ(m.op, n.op);
    EXPECT_EQ(a.shape(m.output), b.shape(n.output));
    EXPECT_EQ(m.clamp_lo, n.clamp_lo);
    EXPECT_EQ(m.clamp_hi, n.clamp_hi);
    const Window &v = m.attributes.window, &w = n.attributes.window;
    EXPECT_EQ(v.kernel, w.kernel);
    EXPECT_EQ(v.stride, w.stride);
    EXPECT_EQ(v.dilation, w.dilation);
    EXPECT_EQ(v.pad_before, w.pad_before);
    EXPECT_EQ(v.pad_after, w.pad_after);
    EXPECT_EQ(v.groups, w.groups);
    EXPECT_EQ(v.count_include_pad, w.count_include_pad);
    EXPECT_EQ(m.attributes.axis, n.attributes.axis);
    EXPECT_EQ(m.attributes.axes, n.attributes.axes);
    EXPECT_EQ(m.attributes.starts, n.attributes.starts);
    EXPECT_EQ(m.attributes.ends, n.attributes.ends);
    EXPECT_EQ(m.attributes.steps, n.attributes.steps);
    EXPECT_EQ(m.attributes.before, n.attributes.before);
    EXPECT_EQ(m.attributes.after, n.attributes.after);
    EXPECT_EQ(m.attributes.keep_dims, n.attributes.keep_dims);
    EXPECT_EQ(m.attributes.value, n.attributes.value);
    EXPECT_EQ(m.attributes.alpha, n.attributes.alpha);
    EXPECT_EQ(m.attributes.beta, n.attributes.beta);
    EXPECT_EQ(m.attributes.lo, n.attributes.lo);
    EXPECT_EQ(m.attributes.hi, n.attributes.hi);
    ASSERT_EQ(m.inputs.size(), n.inputs.size());
    for (std::size_t k = 0; k < m.inputs.size(); ++k) {
      EXPECT_EQ(a.producer(m.inputs[k]), b.producer(n.inputs[k]));
      ASSERT_EQ(a.is_constant(m.inputs[k]), b.is_constant(n.inputs[k]));
      if (a.is_constant(m.inputs[k])) {
        EXPECT_EQ(a.values[static_cast<std::size_t>(m.inputs[k])].constant->data,
                  b.values[static_cast<std::size_t>(n.inputs[k])].constant->data);
      }
    }
    ASSERT_EQ(m.params.empty(), n.params.empty());
    if (!m.params.empty()) expect_near(m.weight().data, n.weight().data, m.norm ? tolerance : 0);
    if (has_weights(m) && m.bias() != nullptr) {
      ASSERT_NE(n.bias(), nullptr);
      expect_near(m.bias()->data, n.bias()->data, m.norm ? tolerance : 0);
    }
    ASSERT_EQ(m.norm != nullptr, n.norm != nullptr);
    if (m.norm) {
      EXPECT_EQ(m.norm->gamma, n.norm->gamma);
      EXPECT_EQ(m.norm->variance, n.norm->variance);
      EXPECT_EQ(m.norm->epsilon, n.norm->epsilon);
    }
  }
}

TEST(OnnxWriter, TheEmbeddedNetworkComesBack) {
  const Graph graph = prepared(load_onnx(std::string(BITSIEVE_MODELS) + "/fashion-resnet14.onnx"));
  const std::string bytes = write_onnx(graph);
  EXPECT_EQ(bytes, write_onnx(graph));
  const Graph back = prepared(parse_onnx(bytes, "written"));
  expect_same(graph, back, 1e-5);
  expect_same(back, prepared(parse_onnx(write_onnx(back), "written again")), 1e-5);
}

// One of every operator, with attributes that are not the usual ones.
TEST(OnnxWriter, EveryOperatorComesBack) {
  Graph graph;
  graph.name = "all";
  graph.input = graph.add_value("input", {4, 9, 7});
  ValueId last = graph.input;
  const auto add = [&](Op op, std::vector<ValueId> inputs, Attributes attributes = {}, std::vector<Tensor> params = {},
                       Shape shape = {}) -> Node& {
    Node node{};
    node.op = op;
    node.name = std::string(op_name(op)) + std::to_string(graph.nodes.size());
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    node.params = std::move(params);
    node.output = graph.add_value("shared name", std::move(shape));
    if (graph.values.back().shape.empty()) graph.values.back().shape = infer_shape(graph, node);
    last = node.output;
    graph.nodes.push_back(std::move(node));
    return graph.nodes.back();
  };
  const auto ramp = [](Shape shape) {
    Tensor t(std::move(shape), 0.0f);
    for (std::size_t i = 0; i < t.data.size(); ++i) t.data[i] = 0.01f * static_cast<float>(i % 37) - 0.1f;
    return t;
  };
  const auto constant = [&](Tensor t) {
    const ValueId id = graph.add_value("shared name", t.shape);
    graph.values.back().constant = std::make_shared<const Tensor>(std::move(t));
    return id;
  };
  Attributes a;
  a.window = {{3, 2}, {2, 1}, {1, 2}, {0, 1}, {1, 0}, 2, false};
  add(Op::conv, {last}, a, {ramp({8, 2, 3, 2}), ramp({8})}).clamp_lo = 0;
  a = {};
  a.window.groups = 8;
  Node& clipped = add(Op::conv, {last}, a, {ramp({8, 1, 1, 1})});
  clipped.clamp_lo = -1;
  clipped.clamp_hi = 5;
  const ValueId trunk = last;
  a = {};
  a.alpha = 0.3f;
  add(Op::leaky_relu, {last}, a);
  add(Op::add, {last, trunk}).clamp_hi = 3;
  add(Op::sub, {last, constant(ramp({8, 1, 1}))});
  add(Op::hard_swish, {last});
  add(Op::mul, {last, trunk});
  add(Op::div, {last, constant(Tensor({1}, 3.0f))});
  a = {};
  a.window = {{3, 2}, {1, 1}, {1, 1}, {1, 0}, {1, 1}, 1, false};
  add(Op::max_pool, {last}, a);
  a.window.count_include_pad = true;
  add(Op::average_pool, {last}, a);
  a = {};
  a.alpha = 0.25f;
  a.beta = 0.4f;
  add(Op::hard_sigmoid, {last}, a);
  add(Op::sigmoid, {last});
  a = {};
  a.axis = 1;
  add(Op::concat, {last, last}, a);
  const Shape wide = graph.shape(last);
  a = {};
  a.starts = {1, 0, 1};
  a.ends = {wide[0], wide[1] - 1, wide[2]};
  a.steps = {2, 1, 1};
  add(Op::slice, {last}, a);
  a = {};
  a.before = {0, 1, 0};
  a.after = {1, 0, 2};
  a.value = 0.5f;
  add(Op::pad, {last}, a);
  a = {};
  a.axes = {2, 0, 1};
  add(Op::transpose, {last}, a);
  a = {};
  a.lo = 0.125f;
  a.hi = 0.75f;
  add(Op::clip, {last}, a);
  const Shape cube = graph.shape(last);
  add(Op::reshape, {last}, {}, {}, {cube[0], cube[1] * cube[2]});
  add(Op::linear, {last}, {}, {ramp({6, cube[1] * cube[2]})});  // with a bias: and an add
  const ValueId rows = last;
  a = {};
  a.axes = {1, 0};
  add(Op::transpose, {last}, a);
  add(Op::matmul, {rows, last});
  a = {};
  a.axes = {1};
  a.keep_dims = false;
  add(Op::reduce_mean, {last}, a);
  add(Op::linear, {last}, {}, {ramp({5, cube[0]}), ramp({5})});
  a = {};
  a.axis = 0;
  add(Op::softmax, {last}, a);
  graph.output = last;
  expect_same(graph, prepared(parse_onnx(write_onnx(graph), "written")), 0);
}

TEST(Writer, KeepsFactsAsMetadata) {
  const Graph graph = prepared(load_onnx(std::string(BITSIEVE_MODELS) + "/fashion-resnet14.onnx"));
  const std::string bytes = write_onnx(graph, {{"bitsieve.weight_bits.conv", "4"}});
  EXPECT_NE(bytes.find("bitsieve.weight_bits.conv"), std::string::npos);
  expect_same(graph, prepared(parse_onnx(bytes, "written")), 1e-6);
  EXPECT_EQ(write_onnx(graph).find("bitsieve.weight_bits"), std::string::npos);
}

TEST(Passes, UnfoldingAndFoldingIsNothing) {
  const Graph graph = prepared(load_onnx(std::string(BITSIEVE_MODELS) + "/fashion-resnet14.onnx"));
  int norms = 0;
  for (const Node& node : graph.nodes) {
    if (!node.norm) continue;
    ++norms;
    const Unfolded raw = unfold_norm(node);
    EXPECT_FALSE(raw.bias);
    const std::size_t k = raw.weight.data.size() / node.norm->gamma.size();
    std::vector<float> again = raw.weight.data;
    for (std::size_t i = 0; i < again.size(); ++i) {
      const std::size_t c = i / k;
      again[i] *= node.norm->gamma[c] / std::sqrt(node.norm->variance[c] + node.norm->epsilon);
    }
    expect_near(node.weight().data, again, 1e-6);
  }
  EXPECT_GT(norms, 10);
}

}  // namespace
}  // namespace bitsieve
