#include "compress/prune.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compress/test_support.h"

namespace bitsieve {
namespace {

Graph network() {
  test::Builder b({3, 6, 6});
  const ValueId stem = b.conv("stem", b.graph.input, 6, 3);
  const ValueId odd = b.conv("odd", stem, 8, 3);  // 6 channels: groups of four cross the taps; 54 = 13 * 4 + 2
  const ValueId depthwise = b.conv("depthwise", odd, 8, 3, 8);
  const ValueId point = b.conv("point", depthwise, 7, 1);
  b.linear("hidden", b.mean("mean", point), 12);
  b.linear("classifier", b.graph.output, 10);
  return b.graph;
}

// The weight at position k of the specification's K order (kernel row, kernel column, input channel).
float at(const Node& node, std::int64_t o, std::int64_t k) {
  const Shape& s = node.weight().shape;
  if (node.op == Op::linear) return node.weight().data[static_cast<std::size_t>(o * s[1] + k)];
  const std::int64_t channel = k % s[1], column = k / s[1] % s[3], row = k / s[1] / s[3];
  return node.weight().data[static_cast<std::size_t>(((o * s[1] + channel) * s[2] + row) * s[3] + column)];
}

TEST(Prune, KeepsTheTwoLargestOfEveryGroup) {
  const Graph before = network();
  Graph after = before;
  prune_two_of_four(after);
  for (const std::size_t i : {1u, 3u, 5u}) {
    const Node& node = after.nodes[i];
    const std::int64_t outputs = node.weight().shape[0], k = node.weight().size() / outputs;
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t first = 0; first < k; first += 4) {
        double least_kept = INFINITY, largest_gone = 0;
        int kept = 0;
        for (std::int64_t j = first; j < std::min(first + 4, k); ++j) {
          const float w = at(node, o, j), was = at(before.nodes[i], o, j);
          if (w != 0) {
            EXPECT_EQ(w, was);
            least_kept = std::min(least_kept, std::abs(static_cast<double>(w)));
            ++kept;
          } else {
            largest_gone = std::max(largest_gone, std::abs(static_cast<double>(was)));
          }
        }
        EXPECT_EQ(kept, 2) << node.name;  // no weight was 0, and no group here is shorter than two
        EXPECT_GE(least_kept, largest_gone);
      }
    }
  }
}

TEST(Prune, OfEqualWeightsTheEarlierStay) {
  Graph graph = network();
  std::fill(graph.nodes[5].params[0].data.begin(), graph.nodes[5].params[0].data.end(), 0.5f);
  prune_two_of_four(graph);
  for (std::int64_t k = 0; k < 7; ++k) EXPECT_EQ(at(graph.nodes[5], 0, k), k % 4 < 2 ? 0.5f : 0.0f);
}

TEST(Prune, LeavesFirstLastAndDepthwiseAlone) {
  const Graph before = network();
  Graph after = before;
  const PruneReport report = prune_two_of_four(after);
  EXPECT_EQ(report.skipped, (std::vector<std::string>{"stem", "depthwise", "classifier"}));
  for (const std::size_t i : {0u, 2u, 6u}) EXPECT_EQ(after.nodes[i].weight().data, before.nodes[i].weight().data);
  ASSERT_EQ(report.layers.size(), 3u);
  EXPECT_EQ(report.layers[0].zeroed, 8 * 26);  // 13 whole groups lose two each, the last two weights stay
  EXPECT_EQ(report.layers[1].zeroed, 7 * 4);
  EXPECT_EQ(report.layers[2].zeroed, 12 * 3);  // 7 = 4 + 3
  EXPECT_EQ(report.zeros, 8 * 26 + 7 * 4 + 12 * 3);
  EXPECT_EQ(report.weights, 6 * 27 + 8 * 54 + 8 * 9 + 7 * 8 + 12 * 7 + 10 * 12);
  EXPECT_GT(report.layers[0].energy_kept, 0.6);
  EXPECT_LT(report.layers[0].energy_kept, 1);

  Graph all = before;
  EXPECT_EQ(prune_two_of_four(all, {{"stem", "depthwise", "classifier"}}).skipped,
            std::vector<std::string>{"depthwise"});
}

// The 2:4 mode throws on three weights in a group: a pruned network runs.
TEST(Prune, ThePrunedNetworkRunsInTheTwoOfFourMode) {
  Graph graph = network();
  Recipe recipe;
  recipe.layers.act_code = "sparq-5opt-round-24";
  recipe.rules = {{"depthwise", "", "sparq-5opt-round"}};
  const Calibration calibration = calibrate(float_model(graph), 8, 1, test::image);
  EXPECT_THROW(test::scores(quantize(graph, calibration, recipe).model, 0), std::exception);
  prune_two_of_four(graph);
  const QuantizedModel model = quantize(graph, calibrate(float_model(graph), 8, 1, test::image), recipe).model;
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(test::scores(model, i), test::scores(model, i, true));
}

}  // namespace
}  // namespace bitsieve
