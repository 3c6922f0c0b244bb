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
  std::vector<LayerMoments> wanted = float_moments(graph, images, image, 1);

  struct Seen {
    std::size_t node, c;
    Moments got, wanted;  // both behind the clamp, or both before it where repair looks there
    double unit;
    bool exact;  // matched in closed form, not by histogram
  };
  // Every channel of every layer of the model as it is.
  std::vector<Seen> look() const {
    std::vector<Seen> all;
    for (LayerPass pass(model, images, image, 1); !pass.done(); pass.advance()) {
      const Node& node = graph.nodes[pass.node()];
      if (!test::is_layer(node)) continue;
      const std::int64_t channels = channel_count(graph.shape(node.output));
      const ChannelMoments before = pass.moments();
      std::vector<ChannelMoments> of_image(images);
      pass.pre_activation([&](std::int64_t i, int, std::span<const float> data) {
        std::vector<float> clamped(data.begin(), data.end());
        for (float& x : clamped) x = std::clamp(x, node.clamp_lo, node.clamp_hi);
        of_image[static_cast<std::size_t>(i)] = channel_moments(clamped, channels);
      });
      ChannelMoments after;
      for (const ChannelMoments& one : of_image) after.merge(one);
      const LayerMoments& target = wanted[pass.node()];
      for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const bool exact = node.op == Op::linear || target.after.variance(c) <= 1e-3 * target.before.variance(c);
        const ChannelMoments& g = exact ? before : after;
        const ChannelMoments& w = exact ? target.before : target.after;
        all.push_back({pass.node(),
                       c,
                       {g.mean[c], g.variance(c)},
                       {w.mean[c], w.variance(c)},
                       sum_unit(model, pass.node(), c),
                       exact});
      }
    }
    return all;
  }
};

// The bias is an integer: half a unit is as near as a mean can come. Beside it, real outputs are rounded to float32 and
// histograms take values as spread evenly within a bin.
TEST_P(RepairOfCode, MeansMatchToHalfAUnit) {
  for (const Repair mode : {Repair::mean, Repair::gain}) {
    double worst_before = 0;
    for (const Seen& s : look()) worst_before = std::max(worst_before, std::abs(s.got.mean - s.wanted.mean) / s.unit);
    const RepairReport report = repair(model, graph, images, image, mode, 1);
    EXPECT_EQ(report.layers.size(), 6u);
    EXPECT_EQ(report.images, images);
    int exact = 0;
    for (const Seen& s : look()) {
      const double deviation = std::sqrt(s.got.variance);
      const double slack = s.exact ? 1e-6 * (std::abs(s.got.mean) + deviation) : 1e-2 * deviation;
      EXPECT_NEAR(s.got.mean, s.wanted.mean, s.unit / 2 + slack) << graph.nodes[s.node].name << " " << s.c;
      exact += s.exact;
    }
    EXPECT_GE(exact, 10);
    if (mode == Repair::mean) {
      EXPECT_GT(worst_before, 5);  // there was something to repair
    }
  }
}

TEST_P(RepairOfCode, GainMatchesDeviations) {
  const std::vector<LayerCode> before = model.layers;
  const RepairReport report = repair(model, graph, images, image, Repair::gain, 1);
  int limited = 0;
  for (const Seen& s : look()) {
    const double gain = model.layers[s.node].weight_scale[s.c] / before[s.node].weight_scale[s.c];
    const bool at_limit = std::abs(std::abs(std::log2(gain)) - 2) < 1e-6;
    limited += at_limit || s.got.variance == 0;  // a filter that sees almost nothing
    if (at_limit || s.got.variance == 0) continue;
    EXPECT_NEAR(std::sqrt(s.got.variance / s.wanted.variance), 1, s.exact ? 1e-5 : 1e-2)
        << graph.nodes[s.node].name << " " << s.c;
  }
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

// Moments of the float network are those of earlier repairs where network and images are the same, and only there.
TEST(Repair, MomentsOfEarlierRepairsGiveTheSame) {
  const Graph graph = test::residual_network();
  Graph other = graph;
  for (Node& node : other.nodes) {
    if (test::is_layer(node)) node.params[0].data[0] += 0.5f;
  }
  FloatMomentsCache moments;
  int read = 0;
  const ImageLoader counted = [&](std::int64_t index, std::span<float> out) {
    ++read;
    image(index, out);
  };
  const auto reads = [&](const Graph& wished, std::int64_t count) {
    read = 0;
    QuantizedModel got = test::quantized(graph, "int4", "sparq-5opt-round", images), want = got;
    repair(got, wished, count, counted, Repair::gain, 1, {}, {}, &moments);
    repair(want, wished, count, image, Repair::gain, 1);
    for (std::size_t i = 0; i < got.layers.size(); ++i) {
      EXPECT_EQ(got.layers[i].bias, want.layers[i].bias);
      EXPECT_EQ(got.layers[i].multiplier, want.layers[i].multiplier);
    }
    return read;
  };
  EXPECT_EQ(reads(graph, images), 2 * images);  // by the float network and by the quantized one
  EXPECT_EQ(reads(graph, images), images);
  EXPECT_EQ(reads(other, images), 2 * images);
  EXPECT_EQ(reads(graph, images - 1), 2 * (images - 1));
  EXPECT_EQ(reads(graph, images), images);
}

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
  EXPECT_NEAR(model.layers[0].weight_scale[0] / before[0], 4, 1e-5);
  EXPECT_EQ(model.layers[0].weight_scale[1], before[1]);
  EXPECT_NEAR(report.layers[0].gain_high, 4, 1e-5);
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
