#include "compress/equalize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compress/test_support.h"

namespace bitsieve {
namespace {

// conv - depthwise - conv - mean - linear, with channels of very different size.
Graph chain() {
  test::Builder b({3, 8, 8});
  const ValueId first = b.conv("first", b.graph.input, 8, 3);
  const ValueId depthwise = b.conv("depthwise", first, 8, 3, 8);
  const ValueId last = b.conv("last", depthwise, 6, 1);
  b.linear("classifier", b.mean("mean", last), 10);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<float>& w = b.graph.nodes[i].params[0].data;
    const std::size_t outputs = static_cast<std::size_t>(b.graph.nodes[i].weight().shape[0]), k = w.size() / outputs;
    for (std::size_t j = 0; j < w.size(); ++j) w[j] *= std::exp2f(static_cast<float>((j / k * 5 + i) % 7) - 3);
  }
  validate(b.graph);
  return b.graph;
}

double largest(const std::vector<float>& w, const auto& belongs) {
  double m = 0;
  for (std::size_t j = 0; j < w.size(); ++j) {
    if (belongs(j)) m = std::max(m, std::abs(static_cast<double>(w[j])));
  }
  return m;
}

TEST(Equalize, KeepsTheFloatNetwork) {
  const Graph before = chain();
  Graph after = before;
  equalize(after);
  validate(after);
  // Each weight, bias and value is rounded once more on either side: relative errors of 2^-24 along sums of up to 27
  // products in four layers; 200 of them relative to the scores' size is generous, and 1e-5 small enough to fail on any
  // wrong factor.
  for (std::int64_t i = 0; i < 20; ++i) {
    const std::vector<float> a = test::scores(float_model(before), i), b = test::scores(float_model(after), i);
    double size = 0;
    for (const float x : a) size = std::max(size, std::abs(static_cast<double>(x)));
    for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(a[j], b[j], 200 * size * 0x1p-24);
  }
}

TEST(Equalize, MakesTheRangesEqual) {
  Graph graph = chain();
  const EqualizeReport report = equalize(graph);
  ASSERT_EQ(report.pairs.size(), 3u);
  EXPECT_EQ(report.pairs[2].second, "classifier");  // through the mean over the plane
  EXPECT_LT(report.sweeps, 100);
  EXPECT_GT(report.pairs[0].scale_high / report.pairs[0].scale_low, 4);
  const std::vector<float>& first = graph.nodes[0].weight().data;
  const std::vector<float>& depthwise = graph.nodes[1].weight().data;
  const std::vector<float>& last = graph.nodes[2].weight().data;
  for (std::size_t c = 0; c < 8; ++c) {
    const double r0 = largest(first, [&](std::size_t j) { return j / 27 == c; });
    const double r1 = largest(depthwise, [&](std::size_t j) { return j / 9 == c; });
    const double r2 = largest(last, [&](std::size_t j) { return j % 8 == c; });
    EXPECT_NEAR(r0 / r1, 1, 5e-3);
    EXPECT_NEAR(r1 / r2, 1, 5e-3);
  }
}

TEST(Equalize, SaysWhatItSkips) {
  Graph graph = chain();
  graph.nodes[0].clamp_hi = 6;
  const std::vector<float> first = graph.nodes[0].weight().data;
  EqualizeReport report = equalize(graph);
  EXPECT_EQ(report.pairs.size(), 2u);
  ASSERT_EQ(report.skipped.size(), 2u);
  EXPECT_EQ(report.skipped[0].node, "first");
  EXPECT_EQ(report.skipped[0].reason, "its upper clamp at 6 (as in ReLU6) is not positively homogeneous");
  EXPECT_EQ(report.skipped[1].reason, "its result is the network's output");
  EXPECT_EQ(graph.nodes[0].weight().data, first);

  Graph residual = test::residual_network();
  report = equalize(residual);
  ASSERT_EQ(report.skipped.size(), 3u);
  EXPECT_EQ(report.skipped[0].reason, "'stem' has 2 readers");
  EXPECT_EQ(report.skipped[1].reason, "'sum' (add) lies between it and the next layer");
  EXPECT_EQ(report.pairs.size(), 3u);  // wide-depthwise, depthwise-narrow, strided-classifier
}

TEST(Equalize, DeadChannelsAreLeftAlone) {
  Graph graph = chain();
  for (std::size_t j = 0; j < 27; ++j) graph.nodes[0].params[0].data[j] *= 1e-9f;
  const std::vector<float> before = graph.nodes[0].weight().data;
  const float bias = graph.nodes[0].bias()->data[0];
  const EqualizeReport report = equalize(graph);
  EXPECT_EQ(report.pairs[0].left_alone, 1);
  for (std::size_t j = 0; j < 27; ++j) EXPECT_EQ(graph.nodes[0].weight().data[j], before[j]);
  EXPECT_EQ(graph.nodes[0].bias()->data[0], bias);
}

// A folded norm must describe the layer as it is now: weights and bias follow from it and the unfolded ones.
TEST(Equalize, FoldedNormsFollow) {
  Graph graph = chain();
  const FoldedNorm norm{std::vector<float>(8, 1.5f), std::vector<float>(8, 0.25f), std::vector<float>(8, 0.5f),
                        std::vector<float>(8, 4.0f), 0};
  const auto raw_bias = [&](const Graph& g, std::size_t c) {
    const FoldedNorm& n = *g.nodes[0].norm;
    return (g.nodes[0].bias()->data[c] - n.beta[c]) * std::sqrt(n.variance[c]) / n.gamma[c] + n.mean[c];
  };
  graph.nodes[0].norm = std::make_shared<const FoldedNorm>(norm);
  const Graph before = graph;
  equalize(graph);
  EXPECT_NE(graph.nodes[0].norm->gamma, norm.gamma);
  for (std::size_t c = 0; c < 8; ++c) EXPECT_NEAR(raw_bias(graph, c), raw_bias(before, c), 1e-5);
}

}  // namespace
}  // namespace bitsieve
