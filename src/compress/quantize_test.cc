// A small network through calibration and quantization: the fast executor equals the plain one bit for bit.
#include "compress/quantize.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "methods/methods.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

class SmallNetwork : public testing::Test {
 protected:
  SmallNetwork() {
    graph.name = "small";
    graph.input = graph.add_value("input", {3, 7, 6});
    const ValueId stem = conv("stem", graph.input, 8, 3, 1);
    const ValueId odd = conv("odd", stem, 5, 3, 1);
    const ValueId depthwise = conv("depthwise", odd, 5, 3, 1, 5);
    const ValueId wide = conv("wide", depthwise, 8, 1, 1);
    Node sum = make(Op::add, "sum", {stem, wide});
    sum.clamp_lo = 0;
    const ValueId added = push(std::move(sum));
    Node mean = make(Op::reduce_mean, "mean", {conv("strided", added, 12, 3, 2)});
    mean.attributes.axes = {1, 2};
    mean.attributes.keep_dims = false;
    const ValueId pooled = push(std::move(mean));
    Node classifier = make(Op::linear, "classifier", {pooled});
    classifier.params = {noise({10, 12}), noise({10})};
    graph.output = push(std::move(classifier));
    validate(graph);
    calibration = calibrate(float_model(graph), 20, 2, [&](std::int64_t i, std::span<float> out) { image(i, out); });
  }

  static Node make(Op op, std::string name, std::vector<ValueId> inputs) {
    Node node{};
    node.op = op;
    node.name = std::move(name);
    node.inputs = std::move(inputs);
    return node;
  }
  Tensor noise(Shape shape) {
    Tensor t(std::move(shape));
    for (float& x : t.data) x = std::normal_distribution<float>(0, 0.3f)(random);
    return t;
  }
  ValueId push(Node node) {
    node.output = graph.add_value(node.name + "_out", {});
    graph.values.back().shape = infer_shape(graph, node);
    graph.nodes.push_back(std::move(node));
    return graph.nodes.back().output;
  }
  ValueId conv(const std::string& name, ValueId in, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
               std::int64_t groups = 1) {
    Node node = make(Op::conv, name, {in});
    node.params = {noise({outputs, graph.shape(in)[0] / groups, kernel, kernel}), noise({outputs})};
    node.attributes.window.groups = groups;
    node.attributes.window.kernel = {kernel, kernel};
    node.attributes.window.stride = {stride, stride};
    node.attributes.window.pad_before = node.attributes.window.pad_after = {kernel / 2, kernel / 2};
    node.clamp_lo = 0;
    return push(std::move(node));
  }
  static void image(std::int64_t i, std::span<float> out) {
    std::mt19937 generator(static_cast<unsigned>(i));
    for (float& x : out) x = std::normal_distribution<float>(0, 1)(generator);
  }

  std::mt19937 random{7};
  Graph graph;
  Calibration calibration;
};

TEST_F(SmallNetwork, FastEqualsPlainForEveryActivationCode) {
  for (const ActivationCodeRow& row : activation_codes()) {
    if (row.name.ends_with("-24")) continue;  // needs pruned weights
    Recipe recipe;
    recipe.layers.act_code = row.name;
    recipe.first_last = FirstLast::same;
    const QuantizedModel model = quantize(graph, calibration, recipe).model;
    const Executor fast(model), plain(model, true);
    Executor::Workspace a, b;
    for (int i = 0; i < 5; ++i) {
      std::vector<float> input(3 * 7 * 6), x, y;
      image(100 + i, input);
      fast.run(input, a, x);
      plain.run(input, b, y);
      EXPECT_EQ(x, y) << row.name;
    }
  }
}

TEST_F(SmallNetwork, FloatFastEqualsPlain) {
  const QuantizedModel model = float_model(graph);
  Executor::Workspace a, b;
  std::vector<float> input(3 * 7 * 6), x, y;
  image(1, input);
  Executor(model).run(input, a, x);
  Executor(model, true).run(input, b, y);
  EXPECT_EQ(x, y);
}

TEST_F(SmallNetwork, CalibrationOfAnotherModelIsRefused) {
  Calibration other = calibration;
  other.model = "other";
  other.values.erase("odd_out");
  try {
    quantize(graph, other, {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "the calibration of model 'other' has no value 'odd_out': it belongs to another model; calibrate again");
  }
}

TEST_F(SmallNetwork, UnknownCodeIsRefused) {
  Recipe recipe;
  recipe.layers.act_code = "sparq-9opt";
  EXPECT_THROW(quantize(graph, calibration, recipe), Error);
}

}  // namespace
}  // namespace bitsieve
