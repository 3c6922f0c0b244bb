#include "train/activations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/quantize.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

constexpr std::int64_t images = 64;

// Odd depths, so that pairs go across pixels, and end with a group where there is one pixel.
Graph network() {
  Graph graph;
  graph.name = "odd";
  graph.input = graph.add_value("input", {3, 9, 9});
  torch::manual_seed(41);
  ValueId last = graph.input;
  std::int64_t channels = 3;
  const auto conv = [&](const char* name, std::int64_t outputs, std::int64_t kernel, std::int64_t groups) {
    Node node{};
    node.op = Op::conv;
    node.name = name;
    node.inputs = {last};
    Window& w = node.attributes.window;
    w.kernel = {kernel, kernel};
    w.pad_before = w.pad_after = {kernel / 2, kernel / 2};
    w.groups = groups;
    node.params = {test::random_tensor({outputs, channels / groups, kernel, kernel}, 0.4),
                   test::random_tensor({outputs}, 0.1)};
    node.clamp_lo = 0;
    node.output = last = graph.add_value(name, {outputs, 9, 9});
    graph.nodes.push_back(node);
    channels = outputs;
  };
  conv("first", 5, 3, 1);
  conv("odd", 7, 3, 1);
  conv("depthwise", 7, 3, 7);
  conv("channelwise", 7, 1, 7);
  conv("even", 8, 1, 1);
  conv("point", 6, 3, 1);
  conv("halves", 6, 1, 2);
  Node pool{};
  pool.op = Op::reduce_mean;
  pool.name = "pool";
  pool.inputs = {last};
  pool.attributes.axes = {1, 2};
  pool.attributes.keep_dims = false;
  pool.output = last = graph.add_value("pool", {6});
  Node linear{};
  linear.op = Op::linear;
  linear.name = "scores";
  linear.inputs = {last};
  linear.params = {test::random_tensor({4, 6}, 0.5), test::random_tensor({4}, 0.1)};
  linear.output = graph.output = graph.add_value("scores", {4});
  graph.nodes.push_back(pool);
  graph.nodes.push_back(linear);
  validate(graph);
  return graph;
}

torch::Tensor pictures() {
  torch::manual_seed(42);
  return torch::randn({images, 3, 9, 9});
}

ImageSource source(const torch::Tensor& x) {
  const torch::Tensor hwc = x.permute({0, 2, 3, 1}).contiguous();
  return [hwc](std::int64_t i, std::span<float> out) {
    std::copy_n(hwc.data_ptr<float>() + i * static_cast<std::int64_t>(out.size()), out.size(), out.data());
  };
}

Calibration seen_by(const Graph& graph, const torch::Tensor& x) {
  return calibrate(float_model(graph), images, 1, source(x));
}

// Weights that are whole steps already, as training ends with.
Graph on_grid(Graph graph) {
  for (Node& node : graph.nodes) {
    if (!has_weights(node)) continue;
    for (float& w : node.params[0].data) w = std::nearbyint(w * 16) / 16;
  }
  return graph;
}

class AllCodes : public testing::TestWithParam<const char*> {};

// The forward pass is that of the integers: what is left between their scores is float32, and now and then a value that
// lies between two codes.
TEST_P(AllCodes, AreThoseOfTheIntegers) {
  Graph graph = on_grid(network());
  const torch::Tensor x = pictures();
  ActivationOptions options;
  options.code = GetParam();
  Activations activations(graph, seen_by(graph, x), options);
  Recipe recipe = activation_recipe(graph, options);
  recipe.range = RangeRule::minmax;
  const QuantizedModel model = quantize(graph, activations.ranges(), recipe).model;
  graph = with_whole_biases(graph, model);
  GraphModule module(graph);
  activations.attach(module);
  module.eval();
  const torch::NoGradGuard guard;
  const torch::Tensor scores = module.forward(x);
  for (std::size_t i = 0; i + 1 < graph.nodes.size(); ++i) EXPECT_TRUE(model.layers[i].integer) << graph.nodes[i].name;
  const Executor executor(model);
  Executor::Workspace workspace;
  const ImageSource image = source(x);
  std::vector<float> picture(3 * 9 * 9), integers;
  double noise = 0, signal = 0;
  int other = 0;
  for (std::int64_t i = 0; i < images; ++i) {
    image(i, picture);
    executor.run(picture, workspace, integers);
    for (std::int64_t c = 0; c < 4; ++c) {
      const double wanted = scores[i][c].item<double>(), got = integers[static_cast<std::size_t>(c)];
      signal += wanted * wanted;
      noise += (got - wanted) * (got - wanted);
    }
    const auto first = std::max_element(integers.begin(), integers.end()) - integers.begin();
    other += scores[i].argmax().item<std::int64_t>() != first;
  }
  EXPECT_EQ(other, 0);
  EXPECT_GT(10 * std::log10(signal / noise), 60);
}

INSTANTIATE_TEST_SUITE_P(Codes, AllCodes,
                         testing::Values("int8", "act4-uniform", "act2-uniform", "sparq-5opt-round", "sparq-2opt-trim",
                                         "sparq-3opt-round-novs"));

TEST(Activations, RefuseWhatTrainingCannotFollow) {
  ActivationOptions options;
  options.code = "sparq-5opt-round-24";
  EXPECT_THROW(activation_recipe(network(), options), Error);
  options.code = "nothing";
  EXPECT_THROW(activation_recipe(network(), options), Error);
}

// Gradients pass rounding, and end where a value is clipped; a trained range gets the gradient of what it clips.
TEST(Activations, PassGradients) {
  const Graph graph = test::linear_network(4, {4, 2});
  const torch::Tensor x = torch::tensor({{0.5f, 3.0f, -9.0f, 0.25f}});
  for (const bool learn : {false, true}) {
    ActivationOptions options;
    options.code = "int8";
    options.learn = learn;
    Calibration seen;
    for (const Value& value : graph.values) seen.values[value.name].add_image(-1, 1);
    options.range = RangeRule::minmax;
    Activations activations(graph, seen, options);
    GraphModule module(graph);
    activations.attach(module);
    module.layer(0).weight.set_requires_grad(false).copy_(torch::eye(4));
    module.layer(1).weight.set_requires_grad(false).fill_(1);
    torch::Tensor leaf = x.clone().set_requires_grad(true);
    module.forward(leaf).sum().backward();
    // Both layers pass ones. The input is clipped to [-1, 1] and so is the ReLU's output, which ends what is below 0.
    const std::vector<float> wanted = {2, 0, 0, 2};
    for (std::int64_t i = 0; i < 4; ++i)
      EXPECT_EQ(leaf.grad()[0][i].item<float>(), wanted[static_cast<std::size_t>(i)]) << i;
    if (learn) {
      const auto parameters = module.named_parameters();
      const torch::Tensor* range = parameters.find("linear_4 range");
      ASSERT_NE(range, nullptr);
      EXPECT_EQ(range->grad().item<float>(), 2);  // the clipped 1 is at its end, and goes to two outputs
    }
  }
}

TEST(Activations, LearnRanges) {
  const Graph graph = test::linear_network(4, {4, 2});
  ActivationOptions options;
  options.code = "int8";
  options.learn = true;
  options.range = RangeRule::minmax;
  Calibration seen;
  for (const Value& value : graph.values) seen.values[value.name].add_image(-10, 10);
  seen.values["linear.4"].max = 1;
  Activations activations(graph, seen, options);
  GraphModule module(graph);
  activations.attach(module);
  module.layer(0).weight.set_requires_grad(false).copy_(torch::eye(4));
  module.layer(1).weight.set_requires_grad(false).fill_(1);
  module.forward(torch::tensor({{0.5f, 3.0f, -9.0f, 4.0f}})).sum().backward();
  const auto parameters = module.named_parameters();
  EXPECT_EQ(parameters.find("linear_4 range")->grad().item<float>(), 4);  // two values above it, two outputs
  {
    const torch::NoGradGuard guard;
    parameters.find("linear_4 range")->fill_(2.5f);
  }
  EXPECT_EQ(activations.ranges().values.at("linear.4").max, 2.5);
}

TEST(Activations, FixedAndDynamicRanges) {
  const Graph graph = test::linear_network(4, {4, 2});
  Calibration seen;
  for (const Value& value : graph.values) seen.values[value.name].add_image(-1, 1);
  ActivationOptions options;
  options.code = "int8";
  options.range = RangeRule::minmax;
  options.fixed = 6;
  EXPECT_EQ(Activations(graph, seen, options).ranges().values.at("linear.4").max, 6);
  EXPECT_NEAR(Activations(graph, seen, options).ranges().values.at("input").max, 1, 1e-6);  // signed
  options.fixed = 0;
  options.dynamic = true;
  Activations activations(graph, seen, options);
  GraphModule module(graph);
  activations.attach(module);
  const torch::NoGradGuard guard;
  module.layer(0).weight.copy_(torch::eye(4));
  module.layer(0).bias.zero_();
  module.train();
  module.forward(torch::full({1, 4}, 3.0f));
  EXPECT_NEAR(activations.ranges().values.at("input").max, 1.2, 1e-6);
  module.eval();
  module.forward(torch::full({1, 4}, 30.0f));
  EXPECT_NEAR(activations.ranges().values.at("input").max, 1.2, 1e-6);
  State state;
  activations.save(state);
  Activations again(graph, seen, options);
  again.load(state);
  EXPECT_EQ(again.ranges(), activations.ranges());
}

}  // namespace
}  // namespace bitsieve::train
