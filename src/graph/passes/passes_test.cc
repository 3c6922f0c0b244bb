// The passes keep the numbers: small graphs of 1x1 feature maps and vectors, computed before and after.
#include "graph/passes/passes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace bitsieve {
namespace {

using Numbers = std::vector<double>;

// What the operations of these tests mean on values whose only extent above one is the first (the channels).
Numbers evaluate(const Graph& graph, const Numbers& image) {
  std::vector<Numbers> values(graph.values.size());
  values[static_cast<std::size_t>(graph.input)] = image;
  for (std::size_t id = 0; id < values.size(); ++id) {
    if (graph.values[id].constant)
      values[id].assign(graph.values[id].constant->data.begin(), graph.values[id].constant->data.end());
  }
  for (const Node& node : graph.nodes) {
    const Numbers& x = values[static_cast<std::size_t>(node.inputs[0])];
    Numbers y = x;
    if (node.op == Op::conv || node.op == Op::linear) {
      const auto outputs = static_cast<std::size_t>(node.weight().shape[0]),
                 depth = static_cast<std::size_t>(node.weight().shape[1]);
      const std::size_t per_group = outputs / static_cast<std::size_t>(node.attributes.window.groups);
      y.assign(outputs, 0);
      for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t k = 0; k < depth; ++k)
          y[o] += node.weight().data[o * depth + k] * x[o / per_group * depth + k];
        if (node.bias()) y[o] += node.bias()->data[o];
      }
    }
    for (std::size_t c = 0; c < y.size(); ++c) {
      const auto p = [&](std::size_t i) { return static_cast<double>(node.params[i].data[c]); };
      const auto other = [&] { return values[static_cast<std::size_t>(node.inputs[1])][c]; };
      if (node.op == Op::batch_norm) y[c] = p(0) * (x[c] - p(2)) / std::sqrt(p(3) + node.attributes.epsilon) + p(1);
      if (node.op == Op::relu) y[c] = std::max(x[c], 0.0);
      if (node.op == Op::clip) y[c] = std::clamp<double>(x[c], node.attributes.lo, node.attributes.hi);
      if (node.op == Op::add) y[c] += other();
      if (node.op == Op::mul) y[c] *= other();
      y[c] = std::clamp<double>(y[c], node.clamp_lo, node.clamp_hi);
    }
    values[static_cast<std::size_t>(node.output)] = y;
  }
  return values[static_cast<std::size_t>(graph.output)];
}

// A chain of nodes on values of one shape; two channels.
struct Chain {
  explicit Chain(Shape shape) : own(std::move(shape)) {
    graph.name = "chain";
    graph.input = graph.output = graph.add_value("x", own);
  }
  Node& add(Op op, std::vector<Tensor> params = {}) {
    Node node;
    node.op = op;
    node.name = "node" + std::to_string(graph.nodes.size());
    node.inputs = {graph.output};
    if (op == Op::add) node.inputs.push_back(graph.input);
    node.params = std::move(params);
    graph.output = node.output = graph.add_value("v" + std::to_string(graph.values.size()), own);
    graph.nodes.push_back(std::move(node));
    return graph.nodes.back();
  }
  Chain& norm() {
    add(Op::batch_norm, {Tensor({2}, std::vector<float>{2, -3}), Tensor({2}, std::vector<float>{1, 0.5f}),
                         Tensor({2}, std::vector<float>{0.25f, -1}), Tensor({2}, std::vector<float>{3, 8})})
        .attributes.epsilon = 1;
    return *this;
  }
  Chain& conv() {
    add(Op::conv, {Tensor({2, 2, 1, 1}, std::vector<float>{1, 2, 3, -4})});
    return *this;
  }
  Chain& linear() {
    add(Op::linear, {Tensor({2, 2}, std::vector<float>{1, 2, 3, -4}), Tensor({2}, std::vector<float>{0.5f, -0.5f})});
    return *this;
  }
  Chain& clip(float lo, float hi) {
    Node& node = add(Op::clip);
    node.attributes.lo = lo;
    node.attributes.hi = hi;
    return *this;
  }
  Shape own;
  Graph graph;
};

// Runs the passes, compares the numbers on a few images and returns what the operations have become.
std::vector<std::string> check(Graph graph) {
  validate(graph);
  const Graph before = graph;
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  validate(graph);
  for (const Numbers& image : {Numbers{0, 0}, Numbers{1, -2}, Numbers{-3, 0.5}, Numbers{7, 9}}) {
    const Numbers want = evaluate(before, image), got = evaluate(graph, image);
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5 * (1 + std::abs(want[i])));
  }
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes) ops.emplace_back(op_name(node.op));
  return ops;
}

using Ops = std::vector<std::string>;
const Shape map_shape = {2, 1, 1};

TEST(Passes, NormIntoItsLayer) {
  EXPECT_EQ(check(Chain(map_shape).conv().norm().graph), (Ops{"conv"}));
  EXPECT_EQ(check(Chain({2}).linear().norm().graph), (Ops{"linear"}));
  EXPECT_EQ(check(Chain(map_shape).conv().norm().norm().graph), (Ops{"conv"}));
}

TEST(Passes, NormAlone) {
  EXPECT_EQ(check(Chain(map_shape).norm().graph), (Ops{"conv"}));
  EXPECT_EQ(check(Chain({2}).norm().graph), (Ops{"mul", "add"}));
  EXPECT_EQ(check(Chain({2, 1}).norm().graph), (Ops{"mul", "add"}));
  EXPECT_EQ(check(Chain(map_shape).clip(-1, 1).norm().graph), (Ops{"clip", "conv"}));
}

TEST(Passes, StatisticsAreKeptForOneNormOnly) {
  Graph once = Chain(map_shape).conv().norm().graph, twice = Chain(map_shape).conv().norm().norm().graph;
  fold_batch_norms(once);
  fold_batch_norms(twice);
  ASSERT_TRUE(once.nodes[0].norm);
  EXPECT_EQ(once.nodes[0].norm->variance, (std::vector<float>{3, 8}));
  EXPECT_FALSE(twice.nodes[0].norm);
}

TEST(Passes, ThreeNormsInARow) {
  Graph thrice = Chain(map_shape).conv().norm().norm().norm().graph;
  EXPECT_EQ(check(thrice), (Ops{"conv"}));
  fold_batch_norms(thrice);
  EXPECT_FALSE(thrice.nodes[0].norm);
}

// A file of a megabyte can hold as many nodes; passes that are quadratic in them would take minutes.
TEST(Passes, ManyNodes) {
  Chain chain(map_shape);
  for (int i = 0; i < 30000; ++i) (i % 2 ? chain.norm() : chain.conv()).add(Op::relu);
  fold_batch_norms(chain.graph);
  fuse_activations(chain.graph);
  remove_dead(chain.graph);
  EXPECT_EQ(chain.graph.nodes.size(), 30000u);
}

TEST(Passes, NormDoesNotPassAClampOrASecondReader) {
  Chain clamped(map_shape);
  clamped.conv().clip(-1, 2).norm();
  fuse_activations(clamped.graph);
  EXPECT_EQ(check(clamped.graph), (Ops{"conv", "conv"}));

  Chain shared(map_shape);
  shared.conv();
  const ValueId conv = shared.graph.output;
  shared.norm().add(Op::add).inputs[1] = conv;
  EXPECT_EQ(check(shared.graph), (Ops{"conv", "conv", "add"}));
}

TEST(Passes, NormOfALinearOnAMatrixIsNotPerOutput) {
  // Channels are the rows here, the layer's outputs the columns; both are two.
  Chain chain({2, 2});
  chain.linear().norm();
  validate(chain.graph);
  fold_batch_norms(chain.graph);
  validate(chain.graph);
  EXPECT_EQ(chain.graph.nodes.size(), 3u);  // linear, mul, add
}

TEST(Passes, ActivationsIntoTheLayer) {
  Chain relu(map_shape);
  relu.conv().add(Op::relu);
  EXPECT_EQ(check(relu.graph), (Ops{"conv"}));
  // Nested, overlapping and disjoint ranges.
  EXPECT_EQ(check(Chain(map_shape).conv().clip(0, 6).clip(1, 2).graph), (Ops{"conv"}));
  EXPECT_EQ(check(Chain(map_shape).conv().clip(-5, 1).clip(0, 6).graph), (Ops{"conv"}));
  EXPECT_EQ(check(Chain(map_shape).conv().clip(-5, -1).clip(0, 6).graph), (Ops{"conv"}));
  EXPECT_EQ(check(Chain(map_shape).conv().clip(3, 4).clip(0, 1).graph), (Ops{"conv"}));
  Chain after(map_shape);
  after.conv().clip(-1, 4).add(Op::relu);
  EXPECT_EQ(check(after.graph), (Ops{"conv"}));
  Chain sum(map_shape);
  sum.conv().add(Op::add);
  sum.add(Op::relu);
  EXPECT_EQ(check(sum.graph), (Ops{"conv", "add"}));
}

TEST(Passes, ActivationStaysWhereItsInputIsReadTwice) {
  Chain chain(map_shape);
  chain.conv();
  const ValueId conv = chain.graph.output;
  chain.add(Op::relu);
  chain.add(Op::add).inputs[1] = conv;
  EXPECT_EQ(check(chain.graph), (Ops{"conv", "relu", "add"}));
}

TEST(Passes, FoldingBeyondFloatIsAnError) {
  Chain chain(map_shape);
  chain.conv().norm();
  chain.graph.nodes[1].params[0].data[0] = 3e38f;
  chain.graph.nodes[1].attributes.epsilon = 0;
  chain.graph.nodes[1].params[3].data[0] = 1e-30f;
  try {
    fold_batch_norms(chain.graph);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "node 'node1': folding this batch norm leaves the range of float32; its scale or variance is "
                 "out of proportion");
  }
}

TEST(Passes, RemovesWhatIsNotUsed) {
  Chain chain(map_shape);
  chain.conv();
  const ValueId kept = chain.graph.output;
  chain.add(Op::relu);
  chain.graph.output = kept;
  remove_dead(chain.graph);
  validate(chain.graph);
  EXPECT_EQ(chain.graph.nodes.size(), 1u);
  EXPECT_EQ(chain.graph.values.size(), 2u);
}

}  // namespace
}  // namespace bitsieve
