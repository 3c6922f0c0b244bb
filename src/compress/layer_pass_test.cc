#include "compress/layer_pass.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "compress/test_support.h"

namespace bitsieve {
namespace {

using test::image;

TEST(ChannelMoments, MergingEqualsSeeingAllAtOnce) {
  // A mean of 1e4 against a deviation of 1: a sum of squares in float32 would have lost the variance.
  std::mt19937 random(1);
  std::vector<float> all(3 * 1000);
  for (float& x : all) x = std::normal_distribution<float>(1e4f, 1)(random);
  const ChannelMoments whole = channel_moments(all, 3);
  ChannelMoments merged;
  for (const auto& [first, rows] : {std::pair{0, 1}, {1, 299}, {300, 700}}) {
    merged.merge(channel_moments({all.data() + first * 3, static_cast<std::size_t>(rows) * 3}, 3));
  }
  EXPECT_EQ(merged.count, 1000);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(merged.mean[c], whole.mean[c], 1e-9);
    EXPECT_NEAR(merged.variance(c), whole.variance(c), 1e-9);
    EXPECT_NEAR(whole.variance(c), 1, 0.2);
    EXPECT_DOUBLE_EQ(whole.unbiased_variance(c) * 999, whole.variance(c) * 1000);
  }
}

// The classifier's output is real and has no clamp: there the pass and the executor must agree to the bit, and they do
// only if every value between was right.
TEST(LayerPass, EndsWithTheExecutorsScores) {
  const Graph graph = test::residual_network();
  for (const QuantizedModel& model : {float_model(graph), test::quantized(graph, "int8", "sparq-5opt-round")}) {
    std::map<std::int64_t, std::vector<float>> seen;
    for (LayerPass pass(model, 5, image, 1); !pass.done(); pass.advance()) {
      if (pass.node() + 1 != graph.nodes.size()) continue;
      pass.pre_activation(
          [&](std::int64_t i, int, std::span<const float> data) { seen[i].assign(data.begin(), data.end()); });
    }
    ASSERT_EQ(seen.size(), 5u);
    for (const auto& [i, scores] : seen) EXPECT_EQ(scores, test::scores(model, i));
  }
}

// Clamping and rounding the real output gives the executor's codes, up to one rounding of the real value.
TEST(LayerPass, RealOutputsRoundToTheCodes) {
  const Graph graph = test::residual_network();
  const QuantizedModel model = test::quantized(graph, "int4", "sparq-2opt-trim");
  std::vector<float> input(static_cast<std::size_t>(element_count(graph.shape(graph.input)))), scores;
  image(0, input);
  Executor::Workspace workspace;
  std::map<ValueId, std::vector<std::uint8_t>> codes;
  Executor(model).run(input, workspace, scores, [&](ValueId id, const void* data) {
    if (model.values[static_cast<std::size_t>(id)].type != DType::u8) return;
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    codes[id].assign(bytes, bytes + element_count(graph.shape(id)));
  });
  int layers = 0, negative = 0;
  for (LayerPass pass(model, 1, image, 1); !pass.done(); pass.advance()) {
    const Node& node = graph.nodes[pass.node()];
    if (!test::is_layer(node) || !codes.contains(node.output)) continue;
    ++layers;
    const double scale = model.values[static_cast<std::size_t>(node.output)].scale;
    pass.pre_activation([&](std::int64_t, int, std::span<const float> data) {
      for (std::size_t j = 0; j < data.size(); ++j) {
        negative += data[j] < 0;  // the relu is not there yet
        EXPECT_NEAR(codes[node.output][j], std::clamp(data[j] / scale, 0.0, 255.0), 0.5001) << node.name;
      }
    });
  }
  EXPECT_EQ(layers, 5);
  EXPECT_GT(negative, 100);
}

TEST(LayerPass, MomentsDoNotDependOnTheThreads) {
  const QuantizedModel model = test::quantized(test::residual_network(), "int8", "int8");
  LayerPass one(model, 9, image, 1), two(model, 9, image, 2);
  for (; !one.done(); one.advance(), two.advance()) {
    if (!test::is_layer(model.graph.nodes[one.node()])) continue;
    const ChannelMoments a = one.moments(), b = two.moments();
    EXPECT_EQ(a.mean, b.mean);
    EXPECT_EQ(a.squares, b.squares);
    EXPECT_EQ(a.count, b.count);
  }
}

TEST(LayerPass, MemoryIsThatOfTheValuesAlive) {
  test::Builder b({2, 4, 4});
  const ValueId stem = b.conv("stem", b.graph.input, 3, 3);
  const ValueId left = b.conv("left", stem, 5, 3);
  const ValueId right = b.conv("right", left, 3, 3);
  b.linear("classifier", b.mean("mean", b.add_relu("sum", stem, right)), 10);
  // At "right": stem (3), left (5) and right (3) planes of 16 values.
  EXPECT_EQ(LayerPass::bytes_per_image(float_model(b.graph)), 11 * 16 * 4);
  EXPECT_EQ(LayerPass::bytes_per_image(test::quantized(b.graph, "int8", "int8")), 11 * 16);
}

TEST(LayerPass, RefusesNoImagesAndNodesWithoutARealOutput) {
  const QuantizedModel model = float_model(test::residual_network());
  EXPECT_THROW(LayerPass(model, 0, image, 1), Error);
  LayerPass pass(model, 1, image, 1);
  while (model.graph.nodes[pass.node()].op != Op::add) pass.advance();
  EXPECT_THROW(pass.moments(), Error);
}

}  // namespace
}  // namespace bitsieve
