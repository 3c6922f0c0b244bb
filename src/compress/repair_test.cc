#include "compress/repair.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/float_moments.h"
#include "compress/scales.h"
#include "compress/test_support.h"

namespace bitsieve {
namespace {

using test::image;
constexpr std::int64_t images = 24;

struct Case {
  const char* weight_code;
  const char* act_code;
};
class RepairOfCode : public testing::TestWithParam<Case> {
 protected:
  Graph graph = test::residual_network();
  QuantizedModel model = test::quantized(graph, GetParam().weight_code, GetParam().act_code, images);
  std::vector<ChannelMoments> wanted = float_moments(graph, images, image, 1);

  // Looks at every channel of every layer of the model as it is.
  template <class Visit>
  void for_channels(const Visit& visit) const {
    for (LayerPass pass(model, images, image, 1); !pass.done(); pass.advance()) {
      if (!test::is_layer(graph.nodes[pass.node()])) continue;
      const ChannelMoments got = pass.moments();
      for (std::size_t c = 0; c < got.mean.size(); ++c) visit(pass.node(), c, got);
    }
  }
};

// The bias is an integer: half a unit is as near as a mean can come. The rest is float32: real outputs are rounded.
TEST_P(RepairOfCode, MeansMatchToHalfAUnit) {
  for (const Repair mode : {Repair::mean, Repair::gain}) {
    double worst_before = 0;
    for_channels([&](std::size_t node, std::size_t c, const ChannelMoments& got) {
      worst_before = std::max(worst_before, std::abs(got.mean[c] - wanted[node].mean[c]) / sum_unit(model, node, c));
    });
    const RepairReport report = repair(model, graph, images, image, mode, 1);
    EXPECT_EQ(report.layers.size(), 6u);
    EXPECT_EQ(report.images, images);
    for_channels([&](std::size_t node, std::size_t c, const ChannelMoments& got) {
      const double unit = sum_unit(model, node, c), rounding = 1e-6 * (std::abs(got.mean[c]) + std::sqrt(got.variance(c)));
      EXPECT_NEAR(got.mean[c], wanted[node].mean[c], unit / 2 + rounding) << graph.nodes[node].name << " " << c;
    });
    if (mode == Repair::mean) {
      EXPECT_GT(worst_before, 5);  // there was something to repair
    }
  }
}

TEST_P(RepairOfCode, GainMatchesDeviations) {
  const std::vector<LayerCode> before = model.layers;
  const RepairReport report = repair(model, graph, images, image, Repair::gain, 1);
  int limited = 0;
  for_channels([&](std::size_t node, std::size_t c, const ChannelMoments& got) {
    const double gain = model.layers[node].weight_scale[c] / before[node].weight_scale[c];
    const bool at_limit = std::abs(std::abs(std::log2(gain)) - 2) < 1e-6;
    limited += at_limit || got.variance(c) == 0;  // a filter that sees almost nothing
    if (at_limit || got.variance(c) == 0) return;
    EXPECT_NEAR(std::sqrt(got.variance(c) / wanted[node].variance(c)), 1, 1e-5) << graph.nodes[node].name << " " << c;
  });
  EXPECT_LE(limited, 1);
  double shift_before = 0, shift_after = 0;
  for (const LayerRepair& layer : report.layers) {
    shift_before += layer.shift_before;
    shift_after += layer.shift_after;
    EXPECT_GT(layer.gain_high, layer.gain_low) << layer.node;
    EXPECT_EQ(layer.refused, 0) << layer.node;
  }
  EXPECT_LT(shift_after, 0.05 * shift_before);
}

TEST_P(RepairOfCode, FastStaysEqualToPlain) {
  repair(model, graph, images, image, Repair::gain, 1);
  for (std::int64_t i = 100; i < 105; ++i) EXPECT_EQ(test::scores(model, i), test::scores(model, i, true));
}

TEST_P(RepairOfCode, DoesNotDependOnTheThreads) {
  QuantizedModel other = model;
  repair(model, graph, images, image, Repair::gain, 1);
  repair(other, graph, images, image, Repair::gain, 2);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    EXPECT_EQ(model.layers[i].bias, other.layers[i].bias);
    EXPECT_EQ(model.layers[i].multiplier, other.layers[i].multiplier);
    EXPECT_EQ(model.layers[i].weight_scale, other.layers[i].weight_scale);
  }
}

// What it is for: the scores come nearer to the float network's, on other images too.
TEST_P(RepairOfCode, ScoresComeNearer) {
  const auto error = [&] {
    double sum = 0;
    for (std::int64_t i = 200; i < 230; ++i) {
      const std::vector<float> a = test::scores(float_model(graph), i), b = test::scores(model, i);
      for (std::size_t j = 0; j < a.size(); ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
    }
    return sum;
  };
  const double before = error();
  repair(model, graph, images, image, Repair::gain, 1);
  EXPECT_LT(error(), 0.5 * before);
}

INSTANTIATE_TEST_SUITE_P(Codes, RepairOfCode,
                         testing::Values(Case{"int8", "sparq-2opt-trim"}, Case{"int8", "sparq-7opt-trim-novs"},
                                         Case{"int4", "sparq-5opt-round"}, Case{"int3", "int8"}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.weight_code) + "_" + info.param.act_code;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Repair, NoneChangesNothingAndLooksAtNoImage) {
  const Graph graph = test::residual_network();
  QuantizedModel model = test::quantized(graph, "int4", "int8");
  const std::vector<LayerCode> before = model.layers;
  EXPECT_TRUE(repair(model, graph, 0, {}, Repair::none, 1).layers.empty());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].bias, model.layers[i].bias);
}

TEST(Repair, GainIsLimitedAndConstantFiltersKeepTheirs) {
  Graph graph = test::residual_network();
  QuantizedModel model = test::quantized(graph, "int8", "int8");
  Graph wished = graph;  // a float network with one filter ten times as strong and one that is constant
  const std::size_t k = 27;
  for (std::size_t j = 0; j < k; ++j) wished.nodes[0].params[0].data[j] *= 10;
  std::fill_n(wished.nodes[0].params[0].data.begin() + k, k, 0.0f);
  const std::vector<float> before = model.layers[0].weight_scale;
  const RepairReport report = repair(model, wished, images, image, Repair::gain, 1);
  EXPECT_FLOAT_EQ(model.layers[0].weight_scale[0], before[0] * 4);
  EXPECT_EQ(model.layers[0].weight_scale[1], before[1]);
  EXPECT_FLOAT_EQ(static_cast<float>(report.layers[0].gain_high), 4);
}

TEST(Repair, AnotherNetworkIsRefused) {
  QuantizedModel model = test::quantized(test::residual_network(), "int8", "int8");
  Graph other = model.graph;
  other.nodes[1].name = "other";
  EXPECT_THROW(repair(model, other, images, image, Repair::mean, 1), Error);
}

TEST(Scales, MultipliersAreThoseOfQuantize) {
  QuantizedModel model = test::quantized(test::residual_network(), "int8", "int8");
  const std::vector<LayerCode> before = model.layers;
  int layers = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!test::is_layer(model.graph.nodes[i])) continue;
    model.layers[i].multiplier.clear();
    set_multipliers(model, i);
    EXPECT_EQ(model.layers[i].multiplier, before[i].multiplier);
    ++layers;
  }
  EXPECT_EQ(layers, 6);
}

TEST(Scales, AnOffsetThatWouldOverflowTheBiasIsRefused) {
  QuantizedModel model = test::quantized(test::residual_network(), "int8", "int8");
  const LayerCode before = model.layers[0];
  const double unit = sum_unit(model, 0, 2);
  const double room = (1 << 30) - before.bias[2];
  EXPECT_FALSE(fold_affine(model, 0, 2, 1, unit * (room + 1)));
  EXPECT_FALSE(fold_affine(model, 0, 2, 0, 0));
  EXPECT_FALSE(fold_affine(model, 0, 2, 1, NAN));
  EXPECT_EQ(model.layers[0].bias, before.bias);
  EXPECT_EQ(model.layers[0].weight_scale, before.weight_scale);
  EXPECT_TRUE(fold_affine(model, 0, 2, 1, unit * room));
  EXPECT_EQ(model.layers[0].bias[2], 1 << 30);
}

}  // namespace
}  // namespace bitsieve
