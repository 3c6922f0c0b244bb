#include "train/random_start.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

TEST(RandomStart, HasTheVarianceOfHe) {
  const Graph graph = with_random_weights(test::linear_network(600, {200, 7}), 1);
  for (const Node& node : graph.nodes) {
    double squares = 0, sum = 0;
    for (const float w : node.weight().data) {
      sum += w;
      squares += static_cast<double>(w) * w;
    }
    const auto count = static_cast<double>(node.weight().data.size()), inputs = node.weight().shape[1] * 1.0;
    EXPECT_NEAR(squares / count, 2 / inputs, 0.1 / inputs) << node.name;
    EXPECT_NEAR(sum / count, 0, 4 * std::sqrt(2 / inputs / count)) << node.name;
    for (const float b : node.bias()->data) EXPECT_EQ(b, 0);
  }
}

TEST(RandomStart, IsTheSeedsAlone) {
  const Graph graph = test::linear_network(24, {16, 12, 5}), other = test::linear_network(24, {16, 12, 5}, 99);
  const Graph one = with_random_weights(graph, 3), two = with_random_weights(other, 3),
              three = with_random_weights(graph, 4);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    EXPECT_EQ(one.nodes[i].weight().data, two.nodes[i].weight().data);
    EXPECT_NE(one.nodes[i].weight().data, three.nodes[i].weight().data);
  }
  EXPECT_NE(one.nodes[0].weight().data[0], one.nodes[1].weight().data[0]);
}

// With norms: new ones, and folded as the graph promises.
TEST(RandomStart, NormsAreNew) {
  const Graph graph = with_random_weights(test::small_network(), 5);
  const Node& conv = graph.nodes[0];
  ASSERT_TRUE(conv.norm);
  EXPECT_EQ(conv.norm->gamma, std::vector<float>(4, 1));
  EXPECT_EQ(conv.norm->variance, std::vector<float>(4, 1));
  EXPECT_EQ(conv.norm->beta, std::vector<float>(4, 0));
  GraphModule module(graph);
  module.eval();
  const double factor = 1 / std::sqrt(1 + static_cast<double>(conv.norm->epsilon));
  const torch::Tensor& raw = module.layer(0).weight;
  const double bound = std::sqrt(6.0 / 9);
  EXPECT_LE(raw.abs().max().item<double>(), bound * (1 + 1e-6));
  for (std::int64_t i = 0; i < raw.numel(); ++i)
    EXPECT_NEAR(raw.data_ptr<float>()[i] * factor, conv.weight().data[static_cast<std::size_t>(i)], 1e-7);
}

TEST(RandomStart, NeedsWeights) {
  Graph graph;
  graph.input = graph.output = graph.add_value("input", {3});
  EXPECT_THROW(with_random_weights(graph, 1), Error);
}

}  // namespace
}  // namespace bitsieve::train
