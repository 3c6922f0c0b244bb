#include "compress/learn_rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "compress/input_columns.h"
#include "compress/pipeline.h"
#include "compress/prune.h"
#include "compress/scales.h"
#include "compress/test_support.h"
#include "methods/swis/shift_sets.h"

namespace bitsieve {
namespace {

using test::image;
constexpr std::int64_t images = 48;

// Neighbours look alike, as in pictures.
void smooth_image(std::int64_t i, std::span<float> out) {
  image(i, out);
  for (std::size_t at = 3; at < out.size(); ++at) out[at] = 0.3f * out[at] + 0.7f * out[at - 3];
}

// The real weight behind integer i (in K order) of filter o, in steps of its scale.
double target(const Graph& graph, const LayerCode& layer, std::size_t node, std::int64_t o, std::int64_t i) {
  const Tensor& weight = graph.nodes[node].weight();
  const std::int64_t k = weight.size() / weight.shape[0];
  const std::int64_t depth = graph.nodes[node].op == Op::conv ? weight.shape[1] : k, taps = k / depth;
  return weight.data[static_cast<std::size_t>(o * k + i % depth * taps + i / depth)] /
         static_cast<double>(layer.weight_scale[static_cast<std::size_t>(o)]);
}

struct Case {
  const char* weight_code;
  const char* act_code = "int8";
  bool fine = true;  // neighbours near enough to move every output by a quarter
};

class LearnRounding : public testing::TestWithParam<Case> {
 protected:
  Graph graph = test::residual_network();
  const QuantizedModel real = float_model(graph);
  const QuantizedModel nearest = test::quantized(graph, GetParam().weight_code, GetParam().act_code, images);

  // Root of the mean square of (output - output of the float network), for the layer `node` on images that nothing was
  // learned from.
  double layer_error(const QuantizedModel& model, std::size_t node, const ImageLoader& loader = image) const {
    const ImageLoader others = [&](std::int64_t i, std::span<float> out) { loader(i + 1000, out); };
    LayerPass pass(model, images, others, 1), float_pass(real, images, others, 1);
    for (; pass.node() < node; float_pass.advance()) pass.advance();
    const LayerShape shape = layer_shape(model, node);
    const InputColumns x = input_columns(model, pass, 0, shape.groups, 1 << 20, 1);
    const InputColumns less = input_differences(model, pass, float_pass, 0, shape.groups, 1 << 20, 1);
    double sum = 0;
    for (std::int64_t o = 0; o < shape.groups * shape.filters; ++o) {
      const LayerCode& layer = model.layers[node];
      for (std::int64_t c = 0; c < x.count; ++c) {
        double off = 0;
        for (std::int64_t i = 0; i < shape.k; ++i) {
          const std::int64_t row = o / shape.filters * shape.k + i;
          const double wanted = x.row(row)[c] + static_cast<double>(less.row(row)[c]) / difference_units;
          off += layer.weight[static_cast<std::size_t>(o * shape.k + i)] * static_cast<double>(x.row(row)[c]) -
                 target(graph, layer, node, o, i) * wanted;
        }
        sum += std::pow(off * layer.weight_scale[static_cast<std::size_t>(o)], 2);
      }
    }
    return std::sqrt(sum);
  }
};

TEST_P(LearnRounding, ColumnsAreWhatTheLayerSums) {
  for (LayerPass pass(nearest, 3, image, 1); !pass.done(); pass.advance()) {
    if (!test::is_layer(graph.nodes[pass.node()])) continue;
    const LayerCode& layer = nearest.layers[pass.node()];
    const LayerShape shape = layer_shape(nearest, pass.node());
    const InputColumns x = input_columns(nearest, pass, 0, shape.groups, 1 << 20, 2);
    ASSERT_EQ(x.count, 3 * shape.positions);
    const std::int64_t outputs = shape.groups * shape.filters;
    pass.pre_activation([&](std::int64_t at, int, std::span<const float> data) {
      for (std::int64_t p = 0; p < shape.positions; ++p) {
        for (std::int64_t o = 0; o < outputs; ++o) {
          std::int32_t acc = layer.bias[static_cast<std::size_t>(o)];
          for (std::int64_t i = 0; i < shape.k; ++i) {
            acc += layer.weight[static_cast<std::size_t>(o * shape.k + i)] *
                   x.row(o / shape.filters * shape.k + i)[at * shape.positions + p];
          }
          const auto unit = static_cast<float>(sum_unit(nearest, pass.node(), static_cast<std::size_t>(o)));
          ASSERT_EQ(data[static_cast<std::size_t>(p * outputs + o)], static_cast<float>(acc) * unit);
        }
      }
    });
    // A part of the columns, and of the groups.
    const InputColumns few = input_columns(nearest, pass, shape.groups - 1, 1, 7, 1);
    ASSERT_EQ(few.count, std::min<std::int64_t>(7, x.count));
    ASSERT_EQ(few.values.size(), static_cast<std::size_t>(shape.k * few.count));
  }
}

// With the real weights they give what the float network gives.
TEST_P(LearnRounding, DifferencesLeadToTheFloatNetwork) {
  LayerPass float_pass(real, 3, image, 1);
  for (LayerPass pass(nearest, 3, image, 1); !pass.done(); pass.advance(), float_pass.advance()) {
    const std::size_t node = pass.node();
    if (!test::is_layer(graph.nodes[node])) continue;
    const LayerCode& layer = nearest.layers[node];
    const LayerShape shape = layer_shape(nearest, node);
    const InputColumns x = input_columns(nearest, pass, 0, shape.groups, 1 << 20, 1);
    const InputColumns less = input_differences(nearest, pass, float_pass, 0, shape.groups, 1 << 20, 2);
    ASSERT_EQ(less.count, x.count);
    const std::int64_t outputs = shape.groups * shape.filters;
    float_pass.pre_activation([&](std::int64_t at, int, std::span<const float> data) {
      for (std::int64_t p = 0; p < shape.positions; ++p) {
        for (std::int64_t o = 0; o < outputs; ++o) {
          double sum = 0, most = 0;  // what rounding to 1 / difference_units may do
          for (std::int64_t i = 0; i < shape.k; ++i) {
            const std::int64_t row = o / shape.filters * shape.k + i, c = at * shape.positions + p;
            const double t = target(graph, layer, node, o, i);
            sum += t * (x.row(row)[c] + static_cast<double>(less.row(row)[c]) / difference_units);
            most += std::abs(t) / (2 * difference_units);
          }
          const double unit = sum_unit(nearest, node, static_cast<std::size_t>(o));
          const Node& n = graph.nodes[node];
          const double bias = n.bias() == nullptr ? 0.0 : n.bias()->data[static_cast<std::size_t>(o)];
          ASSERT_NEAR(sum * unit + bias, data[static_cast<std::size_t>(p * outputs + o)], most * std::abs(unit) + 1e-4);
        }
      }
    });
  }
  const LayerPass behind(real, 2, image, 1);
  const LayerPass pass(nearest, 3, image, 1);
  EXPECT_THROW(input_differences(nearest, pass, behind, 0, 1, 10, 1), Error);
}

TEST_P(LearnRounding, LowersTheObjectiveAndTheErrorOnOtherImages) {
  QuantizedModel model = nearest;
  const LearnRoundingReport report = learn_rounding(model, graph, images, image, false, 1);
  EXPECT_EQ(report.images, images);
  EXPECT_TRUE(report.warnings.empty());
  ASSERT_EQ(report.layers.size(), 6u);
  double before = 0, after = 0;
  for (const LearnedLayer& layer : report.layers) {
    EXPECT_LE(layer.after, layer.before) << layer.node;
    EXPECT_GT(layer.columns, 0);
    before += layer.before;
    after += layer.after;
  }
  EXPECT_LT(after, 0.8 * before);
  // Not of the first: the images are noise, whose errors cannot make up for one another.
  EXPECT_LT(layer_error(model, 0), 1.1 * layer_error(nearest, 0));
  for (const std::size_t node : {1u, 3u, 5u}) EXPECT_LT(layer_error(model, node), layer_error(nearest, node)) << node;
}

// A float network whose inputs of a layer are off by a known factor: the aim is what undoes half of it.
TEST_P(LearnRounding, MakesUpForItsInputs) {
  if (!GetParam().fine) GTEST_SKIP() << "too coarse a grid";
  // The first layer gives 0.75 of what it should, which the second can only undo itself.
  QuantizedModel small = nearest;
  const auto scaled = [&](double factor) {
    for (float& scale : small.layers[0].weight_scale) scale = static_cast<float>(scale * factor);
    set_multipliers(small, 0);
  };
  scaled(0.75);
  QuantizedModel aimed = small, blind = small;
  RoundingLearner learner(aimed, graph, images, image, false, 1);
  LayerPass pass(aimed, images, image, 1);
  while (pass.node() < 1) pass.advance();
  learner.learn(pass);
  // Blind: the float network's inputs are those of the quantized one, as if nothing had gone before.
  Graph shrunk = graph;
  for (Tensor& param : shrunk.nodes[0].params) {
    for (float& value : param.data) value *= 0.75f;
  }
  RoundingLearner other(blind, shrunk, images, image, false, 1);
  LayerPass blind_pass(blind, images, image, 1);
  while (blind_pass.node() < 1) blind_pass.advance();
  other.learn(blind_pass);
  EXPECT_LT(layer_error(aimed, 1), 0.9 * layer_error(blind, 1));
}

// Weights that remain make up for those that are gone.
TEST_P(LearnRounding, MakesUpForPrunedWeights) {
  if (!GetParam().fine) GTEST_SKIP() << "too coarse a grid";
  Graph pruned = graph;
  prune_two_of_four(pruned, {});
  QuantizedModel model = test::quantized(pruned, GetParam().weight_code, GetParam().act_code, images);
  QuantizedModel alone = model;
  learn_rounding(model, graph, images, image, false, 1);
  learn_rounding(alone, pruned, images, image, false, 1);
  double error = 0, error_alone = 0;
  for (const std::size_t node : {1u, 3u, 5u}) {
    error += std::pow(layer_error(model, node), 2);
    error_alone += std::pow(layer_error(alone, node), 2);
    for (std::size_t i = 0; i < model.layers[node].weight.size(); ++i) {
      if (pruned.nodes[node].weight().data[i] == 0 && pruned.nodes[node].op == Op::linear) {
        EXPECT_EQ(model.layers[node].weight[i], 0);
      }
    }
  }
  EXPECT_LT(error, 0.9 * error_alone);
}

TEST_P(LearnRounding, HelpsTheFirstLayerOnPictures) {
  const auto error = [&](const QuantizedModel& model) { return layer_error(model, 0, smooth_image); };
  QuantizedModel model = nearest;
  learn_rounding(model, graph, images, smooth_image, false, 1);
  EXPECT_LT(error(model), 0.97 * error(nearest));
}

TEST_P(LearnRounding, StaysOnTheGrid) {
  QuantizedModel model = nearest;
  learn_rounding(model, graph, images, image, true, 2);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!test::is_layer(graph.nodes[n])) continue;
    const LayerCode &layer = model.layers[n], &was = nearest.layers[n];
    EXPECT_EQ(layer.shifts, was.shifts);
    EXPECT_EQ(layer.weight_scale, was.weight_scale);
    EXPECT_EQ(layer.bias, was.bias);
    const auto outputs = static_cast<std::int64_t>(layer.weight_scale.size());
    const std::int64_t k = static_cast<std::int64_t>(layer.weight.size()) / outputs;
    const int top = (1 << (layer.weight_bits - 1)) - 1;
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t i = 0; i < k; ++i) {
        const int w = layer.weight[static_cast<std::size_t>(o * k + i)];
        const double t = target(graph, layer, n, o, i);
        if (!layer.shifts.active()) {
          EXPECT_LE(std::abs(w), top);
          EXPECT_LT(std::abs(w - std::clamp<double>(t, -top, top)), 1);
          continue;
        }
        const SharedShifts& code = layer.shifts;
        const int set = code.set[group_of_weight(code, k, o, i)];
        EXPECT_EQ(std::abs(w) & ~set, 0);
        EXPECT_TRUE(w == 0 || (w < 0) == (t < 0));
        // No other sum of the set's positions lies between the weight and its target.
        for (int u = 0; u < 256; ++u) {
          if ((u & ~set) != 0) continue;
          EXPECT_FALSE(std::min<double>(std::abs(w), std::abs(t)) < u && u < std::max<double>(std::abs(w), std::abs(t)))
              << w << " " << t << " " << u;
        }
      }
    }
  }
}

TEST_P(LearnRounding, IsTheSameForAnyThreads) {
  QuantizedModel one = nearest, three = nearest;
  learn_rounding(one, graph, images, image, true, 1);
  learn_rounding(three, graph, images, image, true, 3);
  bool changed = false;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    EXPECT_EQ(one.layers[n].weight, three.layers[n].weight);
    changed = changed || one.layers[n].weight != nearest.layers[n].weight;
  }
  EXPECT_TRUE(changed);
}

INSTANTIATE_TEST_SUITE_P(Codes, LearnRounding,
                         testing::Values(Case{"int4"}, Case{"int3-mse", "sparq-5opt-round"}, Case{"swis-n2-m4"},
                                         Case{"swis-n2.5-m2-flat"},
                                         Case{"swisc-n2-m4-joint", "sparq-3opt-trim-novs", false},
                                         Case{"trunc-n3", "int8", false}, Case{"static-n3", "act4-uniform", false}));

TEST(LearnRoundingAlone, WantsTheSameNodes) {
  const Graph graph = test::residual_network();
  QuantizedModel model = test::quantized(graph, "int4", "int8");
  Graph other = graph;
  other.nodes[2].name = "another";
  EXPECT_THROW(learn_rounding(model, other, 4, image, false, 1), Error);
}

TEST(LearnRoundingAlone, NansOfTheFloatNetworkCountAsNothing) {
  Graph graph = test::residual_network();
  const QuantizedModel model = test::quantized(graph, "int4", "int8");
  graph.nodes[0].params[0].data[0] = std::numeric_limits<float>::infinity();
  const QuantizedModel broken = float_model(graph);
  LayerPass pass(model, 2, image, 1), float_pass(broken, 2, image, 1);
  pass.advance();
  float_pass.advance();
  const InputColumns off = input_differences(model, pass, float_pass, 0, 1, 100, 1);
  for (const std::int16_t value : off.values) EXPECT_LE(std::abs(value), most_difference);
}

TEST(LearnRoundingAlone, NeedsImagesAndReportsProgress) {
  const Graph graph = test::residual_network();
  QuantizedModel model = test::quantized(graph, "int4", "int8");
  EXPECT_THROW(learn_rounding(model, graph, 0, image, false, 1), Error);
  std::int64_t last = 0;
  learn_rounding(model, graph, 4, image, false, 1, [&](std::int64_t done) { last = done; });
  EXPECT_EQ(last, static_cast<std::int64_t>(model.graph.nodes.size()));
}

// SPARQ's own 8-bit code goes down to -128; -sparq codes keep that.
TEST(LearnRoundingAlone, KnowsTheBottomOfCodes) {
  const Graph graph = test::residual_network();
  for (const char* code : {"int3-sparq", "int3"}) {
    QuantizedModel model = test::quantized(graph, code, "int8");
    learn_rounding(model, graph, 8, image, false, 1);
    int least = 0;
    for (const LayerCode& layer : model.layers) {
      for (const std::int8_t w : layer.weight) least = std::min<int>(least, w);
    }
    EXPECT_EQ(least, std::string(code) == "int3" ? -3 : -4) << code;
  }
}

// Filters kept as constants, layers in 2:4 mode, codes with a grid that is not known here.
TEST(LearnRoundingAlone, LeavesAloneWhatIsNotItsOwn) {
  const Graph graph = test::residual_network();
  QuantizedModel model = test::quantized(graph, "int4", "int8");
  const std::size_t k = model.layers[0].weight.size() / 8;
  std::fill_n(model.layers[0].weight.edit().begin(), k, std::int8_t{0});
  model.layers[1].weight_code = "of-their-own";
  const QuantizedModel before = model;
  const LearnRoundingReport report = learn_rounding(model, graph, 8, image, false, 1);
  EXPECT_TRUE(std::all_of(model.layers[0].weight.begin(), model.layers[0].weight.begin() + static_cast<int>(k),
                          [](std::int8_t w) { return w == 0; }));
  EXPECT_NE(model.layers[0].weight, before.layers[0].weight);
  EXPECT_EQ(model.layers[1].weight, before.layers[1].weight);
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_NE(report.warnings[0].find("of-their-own"), std::string::npos);

  Recipe recipe;
  recipe.layers = {"int4", "sparq-5opt-round-24"};
  recipe.prune_two_of_four = true;
  recipe.rounding = Rounding::learned;
  const Calibration calibration = calibrate(float_model(graph), images, 1, image);
  CompressInput input;
  input.graph = &graph;
  input.calibration = &calibration;
  input.image = image;
  input.images = images;
  const QuantizedModel sparse = compress(input, recipe).model;
  test::scores(sparse, 0, true);  // the reference refuses more than two of four
}

}  // namespace
}  // namespace bitsieve
