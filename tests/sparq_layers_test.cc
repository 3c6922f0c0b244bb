// Layers quantized by the pipeline and run by both executors against the specification (specified_layer.h): executors
// that agreed with each other on a wrong order would fail here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <string>

#include "compress/pipeline.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "specified_layer.h"

namespace bitsieve {
namespace {

using namespace test;

constexpr std::int64_t calibration_images = 3;

Window window(std::array<std::int64_t, 2> kernel, std::array<std::int64_t, 2> pad,
              std::array<std::int64_t, 2> stride = {1, 1}, std::array<std::int64_t, 2> dilation = {1, 1},
              std::int64_t groups = 1) {
  return {
      .kernel = kernel, .stride = stride, .dilation = dilation, .pad_before = pad, .pad_after = pad, .groups = groups};
}

Window uneven_padding() {
  Window w = window({3, 3}, {0, 1}, {2, 2});
  w.pad_after = {1, 2};
  return w;
}

const float inf = std::numeric_limits<float>::infinity();
const Layer layers[] = {
    {"1x1, even channels", {4, 5, 6}, 5, window({1, 1}, {0, 0})},
    {"1x1, odd K", {5, 4, 5}, 3, window({1, 1}, {0, 0}), 0},
    {"1x1, one channel", {1, 6, 5}, 4, window({1, 1}, {0, 0})},
    {"1x1, stride 2, many channels", {66, 6, 5}, 18, window({1, 1}, {0, 0}, {2, 2}), 0},
    {"3x3, even channels", {4, 6, 5}, 6, window({3, 3}, {1, 1}), 0},
    {"3x3, odd channels, odd K", {3, 6, 7}, 4, window({3, 3}, {1, 1}), 0, 0.5f},
    {"3x3, 17 channels", {17, 5, 6}, 33, window({3, 3}, {1, 1}), 0},
    {"3x3, 64 channels", {64, 4, 5}, 16, window({3, 3}, {1, 1}), 0},
    {"2x3, odd channels, even K", {3, 7, 6}, 5, window({2, 3}, {1, 0})},
    {"5x1, no padding", {6, 9, 4}, 4, window({5, 1}, {0, 0}), 0},
    {"padding wider than the kernel reaches", {2, 4, 4}, 3, window({3, 3}, {3, 2}), 0},
    {"strided, padding uneven", {6, 9, 8}, 4, uneven_padding(), 0},
    {"dilated", {5, 9, 10}, 4, window({3, 3}, {2, 1}, {1, 2}, {2, 2}), 0},
    {"two groups of four", {8, 6, 5}, 6, window({3, 3}, {1, 1}, {1, 1}, {1, 1}, 2), 0},
    {"two groups of three, odd K", {6, 5, 6}, 8, window({3, 3}, {1, 1}, {1, 1}, {1, 1}, 2)},
    {"three groups of five, 1x1", {15, 4, 4}, 6, window({1, 1}, {0, 0}, {1, 1}, {1, 1}, 3), 0},
    {"depthwise, odd K", {7, 8, 7}, 7, window({3, 3}, {1, 1}, {1, 1}, {1, 1}, 7), 0},
    {"depthwise, strided, many channels", {34, 7, 8}, 34, window({3, 3}, {1, 1}, {2, 2}, {1, 1}, 34), 0, 0.4f},
    {"depthwise, even K, dilated", {16, 8, 8}, 16, window({2, 4}, {1, 2}, {1, 1}, {2, 1}, 16)},
    {"depthwise 5x5", {9, 8, 6}, 9, window({5, 5}, {2, 2}, {1, 1}, {1, 1}, 9), 0},
    {"depthwise with two filters a channel", {4, 6, 6}, 8, window({3, 3}, {1, 1}, {1, 1}, {1, 1}, 4), 0},
    {"linear, even K", {64}, 10, {}, 0},
    {"linear, odd K", {37}, 9},
    {"linear, one input", {1}, 3},
    {"linear, rows", {3, 21}, 17, {}, 0},
};

// Image i in logical order; half of it zeros.
std::vector<float> picture(const Layer& layer, bool signed_input, std::int64_t i) {
  std::mt19937 random(static_cast<unsigned>(1000 + i));
  std::vector<float> x(static_cast<std::size_t>(element_count(layer.in)));
  for (float& v : x) {
    const float unit = static_cast<float>(random() % 1021) / 1020.0f;
    const bool zero = random() % 2 == 0, negative = random() % 2 == 0;
    v = zero ? 0 : signed_input && negative ? -unit : unit;
  }
  // Above the means of maxima and minima in some pictures only, so that values saturate there.
  if (i % 2 == 0) x[random() % x.size()] = 1.25f;
  if (signed_input) x[random() % x.size()] = i == 1 ? -2.0f : -1.25f;
  return x;
}

// Channel-last.
std::vector<float> stored(const Layer& layer, const std::vector<float>& x) {
  if (layer.linear()) return x;
  std::vector<float> out(x.size());
  const auto c = static_cast<std::size_t>(layer.in[0]), plane = x.size() / c;
  for (std::size_t at = 0; at < x.size(); ++at) out[at % plane * c + at / plane] = x[at];
  return out;
}

// Evenly spread up to `largest` on both sides, never 0.
Tensor noise(Shape shape, unsigned seed, float largest) {
  std::mt19937 random(seed);
  Tensor t(std::move(shape));
  for (float& x : t.data) x = largest * (static_cast<float>(2 * (random() % 1000) + 1) / 1000.0f - 1);
  return t;
}

// The layer, and a function behind it, so that the layer's own output is coded in 8 bits.
Graph network(const Layer& layer, bool coded_output) {
  Graph graph;
  graph.name = "one layer";
  graph.input = graph.add_value("input", layer.in);
  Node node{};
  node.op = layer.linear() ? Op::linear : Op::conv;
  node.name = "layer";
  node.inputs = {graph.input};
  node.attributes.window = layer.window;
  const Shape shape = layer.linear()
                          ? Shape{layer.outputs, layer.in.back()}
                          : Shape{layer.outputs, layer.depth(), layer.window.kernel[0], layer.window.kernel[1]};
  node.params = {noise(shape, 5, 0.4f), noise({layer.outputs}, 6, 0.2f)};
  node.clamp_lo = layer.clamp_lo;
  node.clamp_hi = layer.clamp_hi;
  const auto push = [&](Node n) {
    n.output = graph.output = graph.add_value(n.name + "_out", {});
    graph.values.back().shape = infer_shape(graph, n);
    graph.nodes.push_back(std::move(n));
  };
  push(std::move(node));
  if (coded_output) {
    Node after{};
    after.op = Op::leaky_relu;
    after.name = "after";
    after.inputs = {graph.output};
    after.attributes.alpha = 0.5f;
    push(std::move(after));
  }
  validate(graph);
  return graph;
}

struct Quantized {
  Graph graph;  // as the layer runs: pruned where asked for
  CompressResult result;
};

Quantized quantized(const Layer& layer, bool signed_input, bool coded_output, const std::string& weight_code,
                    const std::string& act_code, bool prune) {
  Quantized q{network(layer, coded_output), {}};
  const ImageLoader image = [&](std::int64_t i, std::span<float> out) {
    const std::vector<float> x = stored(layer, picture(layer, signed_input, i));
    std::copy(x.begin(), x.end(), out.begin());
  };
  const Calibration calibration = calibrate(float_model(q.graph), calibration_images, 1, image);
  Recipe recipe;
  recipe.layers = {weight_code, act_code};
  recipe.first_last = FirstLast::same;
  recipe.prune_two_of_four = prune;
  CompressInput input;
  input.graph = &q.graph;
  input.calibration = &calibration;
  input.image = image;
  input.images = calibration_images;
  input.threads = 1;
  q.result = compress(input, recipe);
  q.graph = q.result.model.graph;
  return q;
}

// The scale of A.1 with max_mean over the pictures; signed values have 127 magnitudes, of the larger side's mean.
float input_scale(const Layer& layer, bool signed_input) {
  double high = 0, low = 0;
  for (std::int64_t i = 0; i < calibration_images; ++i) {
    const std::vector<float> x = picture(layer, signed_input, i);
    high += *std::max_element(x.begin(), x.end());
    low -= *std::min_element(x.begin(), x.end());
  }
  const double n = static_cast<double>(calibration_images);
  return static_cast<float>(signed_input ? std::max(high, low) / n / 127 : high / n / 255);
}

std::vector<ExecutorOptions> executors() {
  std::vector<ExecutorOptions> all{{.reference = true}};
  for (const Isa isa : isas()) {
    if (isa_supported(isa)) all.push_back({.isa = isa});
  }
  return all;
}

void expect_specified(const Layer& layer, bool signed_input, bool coded_output, const std::string& weight_code,
                      const std::string& act_code, std::optional<sparq::Config> config, const std::string& what) {
  const bool sparse = config && config->two_of_four;
  const Quantized q = quantized(layer, signed_input, coded_output, weight_code, act_code, sparse);
  const QuantizedModel& model = q.result.model;
  ASSERT_TRUE(model.layers[0].integer) << what;
  // 2:4 is sparsity along the channels of a filter; where there is one, the layer takes the code without it.
  if (sparse && !layer.linear() && layer.depth() == 1) config->two_of_four = false;
  const ValueId out_id = model.graph.nodes[0].output;
  const ValueCode in = model.values[static_cast<std::size_t>(model.graph.input)],
                  out = model.values[static_cast<std::size_t>(out_id)];
  ASSERT_EQ(in.type, signed_input ? DType::s8 : DType::u8) << what;
  ASSERT_FLOAT_EQ(in.scale, input_scale(layer, signed_input)) << what;
  ASSERT_EQ(out.type, !coded_output ? DType::f32 : layer.clamp_lo >= 0 ? DType::u8 : DType::s8) << what;
  for (std::int64_t i = 0; i < 2; ++i) {
    const std::vector<float> image = picture(layer, signed_input, i);
    const Expected wanted = expected(layer, q.graph, image, in, out, weight_code, config);
    for (const ExecutorOptions& how : executors()) {
      const Executor executor(model, how);
      Executor::Workspace workspace;
      std::vector<float> scores;
      std::vector<std::uint8_t> got(wanted.sums.size());
      executor.run(stored(layer, image), workspace, scores, [&](ValueId id, const void* data) {
        if (id == out_id && coded_output) std::memcpy(got.data(), data, got.size());
      });
      const std::string name = what + ", image " + std::to_string(i) + ", " + executor.kernel(0);
      for (std::size_t at = 0; at < wanted.sums.size(); ++at) {
        if (coded_output) {
          ASSERT_EQ(int{got[at]}, int{coded(wanted.sums[at], wanted.multiplier[at], out, layer)})
              << name << ", output " << at;
        } else {
          const float real = static_cast<float>(wanted.sums[at]) * wanted.multiplier[at];
          ASSERT_EQ(scores.at(at), std::clamp(real, layer.clamp_lo, layer.clamp_hi)) << name << ", output " << at;
        }
      }
    }
  }
}

struct Mode {
  const char* suffix;
  bool value_sparsity, two_of_four;
};
constexpr Mode modes[] = {{"", true, false}, {"-novs", false, false}, {"-24", true, true}};

class SparqLayers : public testing::TestWithParam<Layer> {
 protected:
  // Every option, rounded and trimmed, in every mode.
  static void expect_every_option(bool signed_input, bool coded_output, const std::string& weight_code) {
    for (const sparq::WindowOption& option : sparq::window_options()) {
      for (const bool round : {true, false}) {
        for (const Mode& mode : modes) {
          const std::string act_code = std::string("sparq-") + option.name + (round ? "-round" : "-trim") + mode.suffix;
          expect_specified(GetParam(), signed_input, coded_output, weight_code, act_code,
                           sparq::Config{&option, round, mode.value_sparsity, mode.two_of_four},
                           std::string(GetParam().name) + ", " + weight_code + " x " + act_code);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
};

TEST_P(SparqLayers, Unsigned) { expect_every_option(false, true, "int8"); }
TEST_P(SparqLayers, UnsignedToScores) { expect_every_option(false, false, "int8-sparq"); }
TEST_P(SparqLayers, UnsignedFourBitWeights) { expect_every_option(false, true, "int4"); }
TEST_P(SparqLayers, SignedInput) { expect_every_option(true, true, "int8"); }
TEST_P(SparqLayers, SignedInputFourBitWeights) { expect_every_option(true, true, "int4-sparq"); }
TEST_P(SparqLayers, PlainEightBits) {
  for (const bool is_signed : {false, true}) {
    for (const bool is_coded : {false, true}) {
      expect_specified(GetParam(), is_signed, is_coded, "int8", "int8", {}, std::string(GetParam().name) + ", int8");
      if (HasFatalFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, SparqLayers, testing::ValuesIn(layers), [](const auto& info) {
  std::string name;
  for (const char c : std::string(info.param.name)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

// The comparison above can see the order: channel-outer sums differ, except where one tap or one channel leaves no
// choice.
TEST(SparqLayersTest, ChannelOuterOrderGivesOtherSums) {
  const sparq::Config config{&sparq::window_options()[0], true, true, false};
  for (const Layer& layer : layers) {
    const Quantized q = quantized(layer, false, true, "int8", "sparq-5opt-round", false);
    const ValueCode in = q.result.model.values[static_cast<std::size_t>(q.graph.input)], out{DType::u8, 1};
    const std::vector<float> image = picture(layer, false, 0);
    const auto sums = [&](Order order) { return expected(layer, q.graph, image, in, out, "int8", config, order).sums; };
    const bool one_way = layer.depth() == 1 || layer.k() == layer.depth();
    EXPECT_EQ(sums(Order::kernel_then_channel) == sums(Order::channel_then_kernel), one_way) << layer.name;
  }
}

// The magnitudes that stay are the two largest of each group of four in the order of the specification.
TEST(SparqLayersTest, PruningKeepsTheLargestInKOrder) {
  for (const Layer& layer : layers) {
    if (!layer.linear() && layer.depth() == 1) continue;
    const Tensor before = network(layer, true).nodes[0].params[0];
    const Tensor after = quantized(layer, false, true, "int8", "sparq-5opt-round-24", true).graph.nodes[0].params[0];
    const std::int64_t taps = layer.window.kernel[0] * layer.window.kernel[1];
    for (std::int64_t o = 0; o < layer.outputs; ++o) {
      for (std::int64_t group = 0; group < layer.k(); group += 4) {
        float largest_gone = 0, smallest_kept = inf;
        int gone = 0;
        const std::int64_t end = std::min(group + 4, layer.k());
        for (std::int64_t j = group; j < end; ++j) {
          const Position p = position(j, layer, Order::kernel_then_channel);
          const auto at = static_cast<std::size_t>((o * layer.depth() + p.channel) * taps + p.tap);
          if (after.data[at] == before.data[at]) {
            smallest_kept = std::min(smallest_kept, std::abs(before.data[at]));
          } else {
            EXPECT_EQ(after.data[at], 0);
            largest_gone = std::max(largest_gone, std::abs(before.data[at]));
            ++gone;
          }
        }
        EXPECT_EQ(gone, std::max<std::int64_t>(end - group - 2, 0)) << layer.name;
        EXPECT_LE(largest_gone, smallest_kept) << layer.name;
      }
    }
  }
}

}  // namespace
}  // namespace bitsieve
