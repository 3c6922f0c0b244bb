#include "eval/analysis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"
#include "eval/test_network.h"

namespace bitsieve {
namespace {

// Weight o: 1 at input channel o, so that a 1x1 convolution copies its input.
Tensor copy_weights(std::int64_t channels) {
  Tensor w({channels, channels, 1, 1});
  for (std::int64_t c = 0; c < channels; ++c) w.data[static_cast<std::size_t>(c * channels + c)] = 1;
  return w;
}

ImageSet images_of(std::int64_t count, std::function<void(std::int64_t, std::span<float>)> image) {
  return {count, std::move(image), {}};
}

// Integers up to `top`, different in every place.
ImageSet integers(std::int64_t count, int top) {
  return images_of(count, [top](std::int64_t i, std::span<float> out) {
    std::mt19937 random(static_cast<unsigned>(i));
    for (float& x : out) x = static_cast<float>(random() % static_cast<unsigned>(top + 1));
  });
}

const LayerAnalysis& layer(const ModelAnalysis& a, int i) { return a.nodes.at(static_cast<std::size_t>(i)); }

TEST(Analysis, ExactIntegersMakeNoError) {
  // Every value is a whole number of steps and every weight a code: also a check of the channel-last layout.
  test::TinyNetwork network({4, 3, 2});
  network.conv("first", copy_weights(4));
  network.conv("second", copy_weights(4));
  const ModelAnalysis a =
      analyze(network.quantized({1, 1, 0}, {"int8", "int8"}), float_model(network.graph), integers(3, 255));
  EXPECT_EQ(a.images, 3);
  for (const LayerAnalysis& l : a.nodes) {
    EXPECT_TRUE(std::isinf(l.alone_db) && std::isinf(l.accumulated_db)) << l.name;
    EXPECT_EQ(l.parts.sum(), 0);
    EXPECT_EQ(l.upstream, "");
    EXPECT_EQ(l.window_changed, 0);
  }
}

TEST(Analysis, WindowsOfOneLayerAreInheritedByTheNext) {
  test::TinyNetwork network({4, 3, 2});
  network.conv("windowed", copy_weights(4));
  network.conv("whole", copy_weights(4));
  network.conv("last", copy_weights(4));
  const ModelAnalysis a = analyze(network.quantized({1, 1, 1, 0}, {"sparq-2opt-trim-novs", "int8", "int8"}),
                                  float_model(network.graph), integers(8, 255));
  // Mean square error of the trimmed windows over uniform codes: 72.656 (specification of SPARQ, A.6); power 255^2 / 3.
  EXPECT_NEAR(layer(a, 0).alone_db, 10 * std::log10(255.0 * 256 * 511 / 6 / 256 / 72.656), 0.7);
  EXPECT_EQ(layer(a, 0).alone_db, layer(a, 0).accumulated_db);
  EXPECT_GT(layer(a, 0).parts.window / layer(a, 0).parts.sum(), 0.999);
  EXPECT_NEAR(layer(a, 0).window_changed, 240.0 / 256 * 15 / 16, 0.07);
  EXPECT_GT(layer(a, 0).window_loss, 0.05);
  EXPECT_EQ(layer(a, 0).upstream, "");
  for (int i : {1, 2}) {
    EXPECT_TRUE(std::isinf(layer(a, i).alone_db));
    EXPECT_DOUBLE_EQ(layer(a, i).accumulated_db, layer(a, 0).alone_db);
    EXPECT_EQ(layer(a, i).upstream, "windowed");
  }
  EXPECT_EQ(worst_first(a), (std::vector<int>{0, 1, 2}));
  // Copies carry the first layer's error to the scores unchanged.
  EXPECT_DOUBLE_EQ(layer(a, 0).scores_db, layer(a, 0).alone_db);
  EXPECT_TRUE(std::isinf(layer(a, 1).scores_db) && std::isinf(layer(a, 2).scores_db));
}

// The first layer makes the larger error, but only in channels that nobody reads.
TEST(Analysis, ErrorsThatNobodyReadDoNotCount) {
  test::TinyNetwork network({4, 2, 2});
  network.conv("loud", copy_weights(4));
  Tensor half = copy_weights(4);
  half.data[10] = half.data[15] = 0;  // channels 2 and 3
  network.conv("quiet", std::move(half));
  const ImageSet images = images_of(3, [](std::int64_t, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = i % 4 < 2 ? 120 : 159;  // 5opt-trim keeps 120, 159 becomes 144
  });
  const QuantizedModel model = network.quantized({1, 1, 0}, {"sparq-5opt-trim-novs", "sparq-2opt-trim-novs"});
  const ModelAnalysis a = analyze(model, float_model(network.graph), images);
  EXPECT_LT(layer(a, 0).alone_db, 25);
  EXPECT_TRUE(std::isinf(layer(a, 0).scores_db));
  EXPECT_LT(layer(a, 1).scores_db, 30);
  EXPECT_EQ(worst_first(a), (std::vector<int>{1, 0}));
  const ModelAnalysis first = analyze(model, float_model(network.graph), images, {.score_images = 1});
  EXPECT_EQ(layer(first, 1).scores_db, layer(a, 1).scores_db);  // all images are alike
  const ModelAnalysis quick = analyze(model, float_model(network.graph), images, {.score_images = 0});
  EXPECT_TRUE(std::isinf(layer(quick, 1).scores_db));
  EXPECT_EQ(layer(quick, 0).alone_db, layer(a, 0).alone_db);
  EXPECT_LT(layer(quick, 0).alone_db, layer(quick, 1).alone_db);
  EXPECT_EQ(worst_first(quick), (std::vector<int>{0, 1}));
}

TEST(Analysis, UpstreamIsTheWorstOnTheWay) {
  test::TinyNetwork network({4, 3, 2});
  for (const char* name : {"good", "bad", "fair", "exact"}) network.conv(name, copy_weights(4));
  const ModelAnalysis a = analyze(
      network.quantized({1, 1, 1, 1, 0}, {"sparq-5opt-round", "sparq-7opt-trim-novs", "sparq-5opt-round", "int8"}),
      float_model(network.graph), integers(8, 255));
  EXPECT_EQ(layer(a, 2).upstream, "bad");
  EXPECT_EQ(layer(a, 3).upstream, "bad");
  EXPECT_EQ(worst_first(a).front(), 1);
}

TEST(Analysis, SaturatedInputsAreCountedAndTheirWindowsBlamed) {
  // 3 of 8 inputs are clipped at 6, code 255 of a scale 6 / 255, as behind ReLU6; the others lie on windows exactly.
  test::TinyNetwork network({8, 1, 1});
  network.conv("layer", copy_weights(8));
  const ModelAnalysis a = analyze(network.quantized({6.0f / 255, 0}, {"sparq-5opt-round-novs"}),
                                  float_model(network.graph), images_of(2, [](std::int64_t, std::span<float> out) {
                                    const float codes[] = {255, 0, 255, 64, 255, 128, 0, 16};
                                    for (std::size_t i = 0; i < 8; ++i) out[i] = codes[i] * 6 / 255;
                                  }));
  EXPECT_DOUBLE_EQ(layer(a, 0).input.saturated, 3.0 / 8);
  EXPECT_DOUBLE_EQ(layer(a, 0).input.zeros, 2.0 / 8);
  EXPECT_DOUBLE_EQ(layer(a, 0).window_end_error, 1);
  EXPECT_DOUBLE_EQ(layer(a, 0).window_changed, 3.0 / 6);
  EXPECT_NEAR(layer(a, 0).window_loss, 15.0 / 255 / 2, 1e-12);
}

TEST(Analysis, WideRangeShowsAsSmallCodesAndNarrowRangeAsClipping) {
  test::TinyNetwork network({4, 2, 2});
  network.conv("layer", copy_weights(4));
  const ImageSet tenths = images_of(2, [](std::int64_t i, std::span<float> out) {
    std::mt19937 random(static_cast<unsigned>(i));
    for (float& x : out) x = static_cast<float>(random() % 1000 + 1) / 1000;  // (0, 1]
  });
  const ModelAnalysis wide = analyze(network.quantized({0.3f, 0}, {"int8"}), float_model(network.graph), tenths);
  EXPECT_EQ(layer(wide, 0).input.small, 1);  // 1 / 0.3 is code 3 at most
  EXPECT_EQ(layer(wide, 0).input.saturated, 0);
  EXPECT_GT(layer(wide, 0).parts.input / layer(wide, 0).parts.sum(), 0.99);
  const ModelAnalysis narrow =
      analyze(network.quantized({0.5f / 255, 0}, {"int8"}), float_model(network.graph), tenths);
  EXPECT_GT(layer(narrow, 0).input.saturated, 0.3);
  EXPECT_GT(layer(narrow, 0).input.clip_error, 0.99);
  const ModelAnalysis output =
      analyze(network.quantized({1.0f / 255, 0.5f / 255}, {"int8"}), float_model(network.graph), tenths);
  EXPECT_GT(layer(output, 0).parts.output / layer(output, 0).parts.sum(), 0.99);
  EXPECT_GT(layer(output, 0).output.clip_error, 0.99);
  EXPECT_EQ(layer(output, 0).output.saturated, layer(narrow, 0).input.saturated);
}

TEST(Analysis, SignedValuesSaturateAtBothEnds) {
  test::TinyNetwork network({4, 1, 1});
  network.conv("layer", copy_weights(4));
  const ModelAnalysis a = analyze(network.quantized({-1, 0}, {"sparq-5opt-trim"}), float_model(network.graph),
                                  images_of(1, [](std::int64_t, std::span<float> out) {
                                    const float x[] = {-127, 127, -3, 64};
                                    std::copy(x, x + 4, out.begin());
                                  }));
  EXPECT_TRUE(layer(a, 0).signed_input);
  EXPECT_EQ(layer(a, 0).input.saturated, 0.5);
  EXPECT_EQ(layer(a, 0).input.small, 0.25);
  EXPECT_EQ(layer(a, 0).window_end_error, 1);
}

TEST(Analysis, WeightErrorsAreTheWeights) {
  test::TinyNetwork network({4, 2, 2});
  Tensor w = copy_weights(4);
  for (std::size_t i = 0; i < w.data.size(); ++i) {
    if (w.data[i] == 0) w.data[i] = 0.3f / 127;  // rounds to 0
  }
  network.conv("layer", std::move(w));
  const ModelAnalysis a = analyze(network.quantized({1, 0}, {"int8"}), float_model(network.graph), integers(2, 255));
  EXPECT_GT(layer(a, 0).parts.weights / layer(a, 0).parts.sum(), 0.99);
  EXPECT_LT(layer(a, 0).alone_db, 60);
}

// Codes up to 15 pass every 4-bit window whole: the transform is there and costs nothing, the coarse input does.
TEST(Analysis, TransformsThatChangeNothingAreNotBlamed) {
  test::TinyNetwork network({4, 2, 2});
  network.conv("layer", copy_weights(4));
  const ModelAnalysis a = analyze(network.quantized({1, 0}, {"sparq-2opt-trim-novs"}), float_model(network.graph),
                                  images_of(2, [](std::int64_t, std::span<float> out) {
                                    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i) + 0.3f;
                                  }));
  EXPECT_EQ(layer(a, 0).parts.window, 0);
  EXPECT_EQ(layer(a, 0).window_changed, 0);
  EXPECT_GT(layer(a, 0).parts.input, 1e-4);
}

TEST(Analysis, FactsOfTheLayer) {
  test::TinyNetwork network({4, 3, 3});
  Tensor w({4, 1, 3, 3}, 1.0f);
  for (int i = 0; i < 9; ++i) w.data[static_cast<std::size_t>(i)] = 12;  // the widest filter; two others are at 1
  std::fill_n(w.data.begin() + 27, 9, 0.0f);                             // a filter that is 0 in float as well
  network.conv("depthwise", std::move(w), 4);
  network.conv("dense", copy_weights(4));
  QuantizedModel model = network.quantized({1, 1, 0}, {"int8", "sparq-3opt-round"});
  std::fill_n(model.layers[0].weight.edit().begin() + 9, 9,
              std::int8_t{0});  // as quantize() leaves a filter whose bias overflows
  const ModelAnalysis a = analyze(model, float_model(network.graph), integers(1, 9));
  EXPECT_TRUE(layer(a, 0).depthwise);
  EXPECT_EQ(layer(a, 0).fan_in, 9);
  EXPECT_EQ(layer(a, 0).filter_range_ratio, 12);
  EXPECT_EQ(layer(a, 0).filters, 4);
  EXPECT_EQ(layer(a, 0).constant_filters, 1);
  EXPECT_EQ(layer(a, 0).macs, 4 * 9 * 9);
  EXPECT_FALSE(layer(a, 1).depthwise);
  EXPECT_EQ(layer(a, 1).fan_in, 4);
  EXPECT_EQ(layer(a, 1).constant_filters, 0);
  EXPECT_EQ(layer(a, 1).act_code, "sparq-3opt-round");
  EXPECT_EQ(layer(a, 1).act_bits, 4);
}

TEST(Analysis, FloatNodeInAQuantizedModel) {
  test::TinyNetwork network({4, 2, 2});
  network.conv("integer", copy_weights(4));
  network.conv("real", copy_weights(4));
  const ModelAnalysis a =
      analyze(network.quantized({0, 0, 0}, {"float", "float"}), float_model(network.graph), integers(2, 9));
  EXPECT_TRUE(std::isinf(layer(a, 1).alone_db) && std::isinf(layer(a, 1).accumulated_db));
  EXPECT_FALSE(layer(a, 1).integer);
  // Fed by 8-bit values, it suffers from their codes alone.
  const ModelAnalysis b =
      analyze(network.quantized({3, 3, 0}, {"int8", "float"}), float_model(network.graph), integers(2, 9));
  EXPECT_LT(layer(b, 1).alone_db, 30);
  EXPECT_DOUBLE_EQ(layer(b, 1).parts.input, layer(b, 1).parts.sum());
}

TEST(Analysis, SameForAnyNumberOfThreads) {
  test::TinyNetwork network({3, 5, 5});
  Tensor w({6, 3, 3, 3});
  std::mt19937 random(2);
  for (float& x : w.data) x = std::normal_distribution<float>(0, 1)(random);
  network.conv("layer", std::move(w));
  const QuantizedModel model = network.quantized({0.01f, 0.02f}, {"sparq-5opt-trim"});
  const ImageSet images = images_of(70, [](std::int64_t i, std::span<float> out) {
    std::mt19937 r(static_cast<unsigned>(i));
    for (float& x : out) x = std::uniform_real_distribution<float>(0, 3)(r);
  });
  std::int64_t done = 0;
  const ModelAnalysis one =
      analyze(model, float_model(network.graph), images, {.threads = 1, .progress = [&](std::int64_t n) { done = n; }});
  const ModelAnalysis many =
      analyze(model, float_model(network.graph), images, {.threads = std::numeric_limits<int>::max()});
  EXPECT_EQ(done, 70);
  const LayerAnalysis &a = layer(one, 0), &b = layer(many, 0);
  EXPECT_EQ(a.alone_db, b.alone_db);
  EXPECT_EQ(a.accumulated_db, b.accumulated_db);
  EXPECT_EQ(a.parts.input, b.parts.input);
  EXPECT_EQ(a.parts.weights, b.parts.weights);
  EXPECT_EQ(a.parts.window, b.parts.window);
  EXPECT_EQ(a.parts.output, b.parts.output);
  EXPECT_EQ(a.scores_db, b.scores_db);
  EXPECT_EQ(a.window_loss, b.window_loss);
  EXPECT_EQ(a.input.clip_error, b.input.clip_error);
}

TEST(Analysis, AnotherNetworkIsRefused) {
  test::TinyNetwork network({4, 2, 2}), other({4, 2, 2});
  network.conv("layer", copy_weights(4));
  other.conv("other", copy_weights(4));
  const QuantizedModel model = network.quantized({1, 0}, {"int8"});
  const auto message = [&](const QuantizedModel& real, std::int64_t count) -> std::string {
    try {
      analyze(model, real, integers(count, 9));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message(float_model(other.graph), 1),
            "node 0 is 'layer' in model 'tiny' and 'other' in its float network; both must come from the same file and "
            "passes");
  EXPECT_EQ(message(network.quantized({1, 1}, {"int8"}), 1),
            "the network to compare 'tiny' with is not a float network: node 'layer' gives 8-bit values");
  EXPECT_EQ(message(float_model(network.graph), 0), "an analysis needs at least one image");
}

}  // namespace
}  // namespace bitsieve
