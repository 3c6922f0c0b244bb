#include "compress/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "compress/float_moments.h"
#include "compress/test_support.h"

namespace bitsieve {
namespace {

using test::image;

class Pipeline : public testing::Test {
 protected:
  CompressInput input() {
    CompressInput in;
    in.graph = &graph;
    in.calibration = &calibration;
    in.image = image;
    in.images = 24;
    in.threads = 1;
    return in;
  }
  // Root mean square of (mean - wanted mean) over the classifier's scores, in wanted deviations: it has no clamp, so
  // the repair matches it in closed form, and everything before it plays its part.
  double shift(const QuantizedModel& model, const Graph& target) const {
    const ChannelMoments wanted = float_moments(target, 24, image, 1).back().before;
    LayerPass pass(model, 24, image, 1);
    while (pass.node() + 1 < graph.nodes.size()) pass.advance();
    const ChannelMoments got = pass.moments();
    double sum = 0, variance = 0;
    for (std::size_t c = 0; c < got.mean.size(); ++c) {
      sum += std::pow(got.mean[c] - wanted.mean[c], 2);
      variance += wanted.variance(c);
    }
    return std::sqrt(sum / variance);
  }

  Graph graph = test::residual_network();
  Calibration calibration = calibrate(float_model(graph), 24, 1, image);
};

TEST_F(Pipeline, APlainRecipeIsQuantizeAlone) {
  Recipe recipe;
  recipe.layers.act_code = "sparq-5opt-round";
  CompressInput in = input();
  in.images = 0;  // not needed
  in.image = {};
  const CompressResult result = compress(in, recipe);
  const QuantizedModel plain = quantize(graph, calibration, recipe).model;
  for (std::size_t i = 0; i < plain.layers.size(); ++i) {
    EXPECT_EQ(result.model.layers[i].weight, plain.layers[i].weight);
    EXPECT_EQ(result.model.layers[i].bias, plain.layers[i].bias);
  }
  EXPECT_FALSE(result.repair || result.equalize || result.prune || result.recalibrate);
  recipe.repair = Repair::mean;
  EXPECT_THROW(compress(in, recipe), Error);
}

TEST_F(Pipeline, EqualizedNetworksAreCalibratedAgain) {
  Recipe recipe;
  recipe.equalize = true;
  recipe.repair = Repair::gain;
  const CompressResult result = compress(input(), recipe);
  EXPECT_EQ(result.equalize->pairs.size(), 3u);
  Graph equalized = graph;
  equalize(equalized);
  // The scales are those of the equalized network's calibration ...
  const QuantizedModel plain = quantize(equalized, calibrate(float_model(equalized), 24, 1, image), recipe).model;
  for (std::size_t id = 0; id < plain.values.size(); ++id) {
    EXPECT_EQ(result.model.values[id].scale, plain.values[id].scale);
  }
  EXPECT_NE(plain.values[static_cast<std::size_t>(graph.nodes[1].output)].scale,
            quantize(graph, calibration, recipe).model.values[static_cast<std::size_t>(graph.nodes[1].output)].scale);
  // ... and its outputs are what the repair matched.
  EXPECT_LT(shift(result.model, equalized), 1e-3);
}

TEST_F(Pipeline, PrunedNetworksAreRepairedToTheUnprunedOne) {
  Recipe recipe;
  recipe.prune_two_of_four = true;
  const CompressResult pruned = compress(input(), recipe);
  ASSERT_TRUE(pruned.prune);
  EXPECT_GT(pruned.prune->share_zero(), 0.2);
  EXPECT_GT(shift(pruned.model, graph), 0.05);
  recipe.repair = Repair::mean;
  const CompressResult repaired = compress(input(), recipe);
  EXPECT_LT(shift(repaired.model, graph), 1e-3);
}

// Alone, or with each layer repaired before the next one's rounding is learned.
TEST_F(Pipeline, LearnsTheRounding) {
  Recipe recipe;
  recipe.layers.weight_code = "int3";
  recipe.rounding = Rounding::learned;
  CompressInput in = input();
  in.images = 0;
  EXPECT_THROW(compress(in, recipe), Error);
  const QuantizedModel nearest = quantize(graph, calibration, recipe).model;
  QuantizedModel model = nearest;
  learn_rounding(model, graph, 24, image, false, 1);
  const CompressResult alone = compress(input(), recipe);
  ASSERT_TRUE(alone.rounding);
  EXPECT_EQ(alone.rounding->layers.size(), 6u);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    EXPECT_EQ(alone.model.layers[i].weight, model.layers[i].weight);
  }
  recipe.repair = Repair::mean;
  const CompressResult repaired = compress(input(), recipe);
  ASSERT_TRUE(repaired.rounding);
  EXPECT_EQ(repaired.rounding->images, 24);
  EXPECT_EQ(repaired.rounding->layers.size(), 6u);
  EXPECT_EQ(repaired.repair->layers.size(), 6u);
  QuantizedModel first = nearest;
  RoundingLearner learner(first, graph, 24, image, true, 1);
  learner.learn(LayerPass(first, 24, image, 1));
  ASSERT_EQ(learner.report().layers.size(), 1u);
  EXPECT_EQ(repaired.rounding->layers[0].after, learner.report().layers[0].after);
  EXPECT_EQ(repaired.model.layers[0].weight, first.layers[0].weight);
  EXPECT_NE(repaired.model.layers[5].weight, nearest.layers[5].weight);
  EXPECT_LT(shift(repaired.model, graph), 1e-3);
}

TEST_F(Pipeline, SaysWhereItFellShort) {
  Recipe recipe;
  recipe.recalibrate_norms = true;
  const auto said = [](const CompressResult& result, const std::string& words) {
    return std::any_of(result.warnings.begin(), result.warnings.end(),
                       [&](const std::string& w) { return w.find(words) != std::string::npos; });
  };
  EXPECT_TRUE(said(compress(input(), recipe), "no batch norms"));
  auto norm = std::make_shared<FoldedNorm>();
  norm->gamma = norm->variance = std::vector<float>(8, 1.0f);
  norm->beta = norm->mean = std::vector<float>(8, 0.0f);
  graph.nodes[0].norm = norm;
  EXPECT_TRUE(said(compress(input(), recipe), "17 batches of 24 images, of 24 different ones"));
  EXPECT_TRUE(said(compress(input(), recipe), "not augmented"));
  CompressInput in = input();
  std::atomic<int> plain = 0, augmented = 0;
  in.image = [&](std::int64_t i, std::span<float> out) { ++plain, image(i, out); };
  std::atomic<std::int64_t> last = 0;
  in.training_image = [&](std::int64_t i, std::span<float> out) {
    ++augmented;
    for (std::int64_t seen = last; seen < i && !last.compare_exchange_weak(seen, i);) {
    }
    image(i, out);
  };
  const CompressResult all = compress(in, recipe);
  EXPECT_FALSE(said(all, "not augmented"));
  EXPECT_FALSE(said(all, "different ones"));
  EXPECT_EQ(plain, 0);
  EXPECT_EQ(augmented, 17 * 128);
  EXPECT_EQ(last, 17 * 128 - 1);  // never the same variant again
  in.training_images = 24;
  EXPECT_TRUE(said(compress(in, recipe), "17 batches of 128 images, of 24 different ones"));
}

TEST_F(Pipeline, ReportsProgress) {
  Recipe recipe;
  recipe.equalize = true;
  recipe.rounding = Rounding::learned;
  recipe.repair = Repair::mean;
  std::vector<std::string> steps;
  CompressInput in = input();
  std::int64_t last_done = 0, last_of = -1;
  in.progress = [&](std::string_view step, std::int64_t done, std::int64_t of) {
    if (steps.empty() || steps.back() != step) steps.emplace_back(step);
    last_done = done;
    last_of = of;
  };
  compress(in, recipe);
  EXPECT_EQ(steps, (std::vector<std::string>{"calibrate", "learn rounding and repair"}));
  EXPECT_EQ(last_done, last_of);
}

}  // namespace
}  // namespace bitsieve
