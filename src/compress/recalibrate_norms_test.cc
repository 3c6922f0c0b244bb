#include "compress/recalibrate_norms.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "compress/scales.h"
#include "compress/test_support.h"
#include "graph/passes/passes.h"

namespace bitsieve {
namespace {

using test::image;

// Convolutions with batch norms whose statistics are far from those of the images; folded.
Graph network() {
  test::Builder b({3, 8, 8});
  const auto norm = [&](const std::string& name, ValueId in) {
    b.graph.nodes.back().clamp_lo = -INFINITY;
    const std::int64_t channels = b.graph.shape(in)[0];
    Node n = test::Builder::node(Op::batch_norm, name, {in});
    n.attributes.epsilon = 1e-5f;
    n.params = {b.noise({channels}), b.noise({channels}), b.noise({channels}), Tensor({channels}, 0.7f)};
    for (float& gamma : n.params[0].data) gamma += gamma < 0 ? -0.5f : 0.5f;
    b.push(std::move(n));
    return b.push(test::Builder::node(Op::relu, name + "_relu", {b.graph.output}));
  };
  ValueId x = norm("norm1", b.conv("first", b.graph.input, 8, 3));
  x = norm("norm2", b.conv("depthwise", x, 8, 3, 8));
  x = norm("norm3", b.conv("last", x, 12, 1));
  b.linear("classifier", b.mean("mean", x), 10);
  fold_batch_norms(b.graph);
  fuse_activations(b.graph);
  remove_dead(b.graph);
  validate(b.graph);
  return b.graph;
}

template <class Visit>
void for_norm_channels(const QuantizedModel& model, std::int64_t images, const Visit& visit) {
  for (LayerPass pass(model, images, image, 1); !pass.done(); pass.advance()) {
    const Node& node = model.graph.nodes[pass.node()];
    if (!node.norm) continue;
    const ChannelMoments got = pass.moments();
    for (std::size_t c = 0; c < got.mean.size(); ++c) visit(pass.node(), node, c, got);
  }
}

// With momentum 1 and one batch the running statistics are the batch's: on that batch each norm then gives mean beta
// and variance gamma^2 v / (v' + epsilon), v' being v times n / (n - 1).
TEST(RecalibrateNorms, OneBatchWithMomentumOneNormalizesThatBatch) {
  QuantizedModel model = test::quantized(network(), "int8", "sparq-2opt-trim");
  RecalibrateOptions options;
  options.batches = 1;
  options.batch_size = 16;
  options.momentum = 1;
  const RecalibrateReport report = recalibrate_norms(model, 16, image, options);
  EXPECT_EQ(report.layers, 3);
  EXPECT_EQ(report.refused, 0);
  EXPECT_EQ(report.distinct_images, 16);
  int channels = 0;
  // The batch that flowed was normalized with v, the final network with v': nodes after the first see inputs that
  // differ by half of 1 / n, n = 1024.
  for_norm_channels(model, 16, [&](std::size_t node, const Node& n, std::size_t c, const ChannelMoments& got) {
    const double gamma = std::abs(n.norm->gamma[c]), unit = sum_unit(model, node, c);
    const double slack = node == 0 ? 1e-6 : 2e-2;
    EXPECT_NEAR(got.mean[c], n.norm->beta[c], unit / 2 + slack * gamma) << n.name << " " << c;
    if (got.variance(c) == 0) return;
    EXPECT_NEAR(std::sqrt(got.variance(c)) / gamma, std::sqrt(1023.0 / 1024), 1e-4 + slack) << n.name << " " << c;
    ++channels;
  });
  EXPECT_GT(channels, 24);
}

// The first layer's input does not change: its statistics after two batches are known.
TEST(RecalibrateNorms, RunningStatisticsFollowWithTheMomentum) {
  const Graph graph = network();
  QuantizedModel model = test::quantized(graph, "int8", "int8");
  const FoldedNorm norm = *graph.nodes[0].norm;
  ChannelMoments batch[2];
  for (int k = 0; k < 2; ++k) {
    const auto load = [&](std::int64_t i, std::span<float> out) { image(k * 10 + i, out); };
    batch[k] = LayerPass(model, 10, load, 1).moments();
  }
  RecalibrateOptions options;
  options.batches = 2;
  options.batch_size = 10;
  recalibrate_norms(model, 20, image, options);
  const FoldedNorm& now = *model.graph.nodes[0].norm;
  for (std::size_t c = 0; c < norm.gamma.size(); ++c) {
    const double unfold = std::sqrt(norm.variance[c] + static_cast<double>(norm.epsilon)) / norm.gamma[c];
    double mean = norm.mean[c], variance = norm.variance[c];
    for (const ChannelMoments& b : batch) {
      mean = 0.9 * mean + 0.1 * ((b.mean[c] - norm.beta[c]) * unfold + norm.mean[c]);
      variance = 0.9 * variance + 0.1 * b.squares[c] / static_cast<double>(b.count - 1) * unfold * unfold;
    }
    EXPECT_NEAR(now.mean[c], mean, 1e-5);
    EXPECT_NEAR(now.variance[c], variance, 1e-5 * variance);
    EXPECT_GT(std::abs(now.variance[c] - norm.variance[c]), 1e-3);
  }
  EXPECT_EQ(now.gamma, norm.gamma);
  EXPECT_EQ(now.beta, norm.beta);
}

// A float layer is recalibrated in its weights: the same statistics, the same real outputs.
TEST(RecalibrateNorms, FloatLayersTakePart) {
  QuantizedModel model = float_model(network());
  RecalibrateOptions options;
  options.batches = 1;
  options.batch_size = 16;
  options.momentum = 1;
  EXPECT_EQ(recalibrate_norms(model, 16, image, options).layers, 3);
  for_norm_channels(model, 16, [&](std::size_t, const Node& n, std::size_t c, const ChannelMoments& got) {
    EXPECT_NEAR(got.mean[c], n.norm->beta[c], 2e-3);
    EXPECT_NEAR(std::sqrt(got.variance(c)), std::abs(n.norm->gamma[c]), 2e-3);
  });
}

TEST(RecalibrateNorms, FewImagesAreUsedAgainAndReported) {
  QuantizedModel model = test::quantized(network(), "int8", "int8");
  RecalibrateReport report = recalibrate_norms(model, 5, image);
  EXPECT_EQ(report.batches, 17);
  EXPECT_EQ(report.batch_size, 5);
  EXPECT_EQ(report.distinct_images, 5);
  report = recalibrate_norms(model, 150, image);
  EXPECT_EQ(report.batch_size, 128);
  EXPECT_EQ(report.distinct_images, 150);
  EXPECT_THROW(recalibrate_norms(model, 0, image), Error);
}

TEST(RecalibrateNorms, DoesNotDependOnTheThreads) {
  QuantizedModel one = test::quantized(network(), "int8", "sparq-5opt-trim"), two = one;
  RecalibrateOptions options;
  options.batches = 3;
  options.batch_size = 7;
  options.threads = 1;
  recalibrate_norms(one, 30, image, options);
  options.threads = 2;
  recalibrate_norms(two, 30, image, options);
  for (std::size_t i = 0; i < one.layers.size(); ++i) {
    EXPECT_EQ(one.layers[i].bias, two.layers[i].bias);
    EXPECT_EQ(one.layers[i].multiplier, two.layers[i].multiplier);
  }
  EXPECT_EQ(test::scores(one, 40), test::scores(one, 40, true));
}

}  // namespace
}  // namespace bitsieve
