// On a small network with branches: the partial run equals whole networks run layer by layer.
#include "search/sensitivity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"
#include "compress/quantize.h"
#include "eval/accuracy.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "search/ladder.h"

namespace bitsieve {
namespace {

class Branched : public testing::Test {
 protected:
  Branched() {
    graph.name = "branched";
    graph.input = graph.add_value("input", {3, 7, 6});
    const ValueId stem = conv("stem", graph.input, 8, 3);
    const ValueId left = conv("left", stem, 8, 3);
    const ValueId right = conv("right.1", stem, 8, 3, 8);
    Node sum = make(Op::add, "sum", {left, right});
    sum.clamp_lo = 0;
    const ValueId narrow = conv("last", push(std::move(sum)), 4, 1);
    Node mean = make(Op::reduce_mean, "mean", {narrow});
    mean.attributes.axes = {1, 2};
    mean.attributes.keep_dims = false;
    Node classifier = make(Op::linear, "classifier", {push(std::move(mean))});
    classifier.params = {noise({10, 4}), noise({10})};
    graph.output = push(std::move(classifier));
    validate(graph);
    images = {40,
              [](std::int64_t i, std::span<float> out) {
                std::mt19937 generator(static_cast<unsigned>(i));
                for (float& x : out) x = std::normal_distribution<float>(0, 1)(generator);
              },
              {}};
    calibration = calibrate(float_model(graph), images.size, 2, images.image);
    make_model = [this](const Recipe& recipe) {
      EXPECT_EQ(recipe.repair, Repair::none);
      EXPECT_FALSE(recipe.recalibrate_norms);
      return quantize(graph, calibration, recipe).model;
    };
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
  ValueId conv(const std::string& name, ValueId in, std::int64_t outputs, std::int64_t kernel,
               std::int64_t groups = 1) {
    Node node = make(Op::conv, name, {in});
    node.params = {noise({outputs, graph.shape(in)[0] / groups, kernel, kernel}), noise({outputs})};
    node.attributes.window.groups = groups;
    node.attributes.window.kernel = {kernel, kernel};
    node.attributes.window.pad_before = node.attributes.window.pad_after = {kernel / 2, kernel / 2};
    node.clamp_lo = 0;
    return push(std::move(node));
  }

  std::mt19937 random{7};
  Graph graph;
  ImageSet images;
  Calibration calibration;
  MakeModel make_model;
};

TEST_F(Branched, EqualsWholeNetworks) {
  Recipe recipe;
  recipe.layers = {"int4", "sparq-7opt-trim"};
  recipe.repair = Repair::gain;  // left out: make_model checks
  recipe.recalibrate_norms = true;
  const std::vector<LayerSensitivity> measured = measure_sensitivity(recipe, make_model, images, 3);
  ASSERT_EQ(measured.size(), 3u);  // the first convolution and the classifier are at 8 bits
  Recipe wide;
  const Scores base = evaluate(make_model(wide), images, {}).scores;
  const char* names[] = {"left", "right.1", "last"};
  for (std::size_t l = 0; l < 3; ++l) {
    EXPECT_EQ(measured[l].name, names[l]);
    EXPECT_EQ(measured[l].code, recipe.layers);
    Recipe one = wide;
    one.rules = {layer_rule(names[l], recipe.layers)};
    const Scores changed = evaluate(make_model(one), images, {}).scores;
    EXPECT_NEAR(measured[l].sqnr_db(), logit_sqnr_db(base, changed), 1e-9) << names[l];
    EXPECT_EQ(measured[l].agreement, agreement(base, changed));
    EXPECT_GT(measured[l].noise, 0);
    EXPECT_EQ(measured[l].macs, macs(graph, graph.nodes[static_cast<std::size_t>(measured[l].node)]));
  }
}

TEST_F(Branched, SameForAnyNumberOfThreads) {
  Recipe recipe;
  recipe.layers.act_code = "sparq-2opt-trim";
  const auto one = measure_sensitivity(recipe, make_model, images, 1),
             many = measure_sensitivity(recipe, make_model, images, std::numeric_limits<int>::max());
  for (std::size_t l = 0; l < one.size(); ++l) EXPECT_EQ(one[l].noise, many[l].noise);
}

TEST_F(Branched, OnlyLayersThatCanClimb) {
  Recipe recipe;
  EXPECT_TRUE(measure_sensitivity(recipe, make_model, images).empty());
  recipe.layers.act_code = "sparq-5opt-round";
  recipe.rules = {{"left", "float", "float"}, {"right", "", "int8"}};
  const auto layers = measure_sensitivity(recipe, make_model, images);
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].name, "last");
  recipe.first_last = FirstLast::same;
  EXPECT_EQ(measure_sensitivity(recipe, make_model, images).size(), 3u);
}

TEST_F(Branched, RefusesModelsThatDifferInMoreThanTheLayer) {
  Recipe recipe;
  recipe.layers.act_code = "sparq-5opt-round";
  int made = 0;
  const MakeModel changing = [&](const Recipe& r) {
    QuantizedModel model = make_model(r);
    if (++made == 2) model.values[static_cast<std::size_t>(graph.nodes[0].output)].scale *= 2;
    return model;
  };
  try {
    measure_sensitivity(recipe, changing, images);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "layer 'left': the value 'stem_out' has another scale at 8 bits, so one layer alone cannot be compared");
  }
  images.size = 0;
  EXPECT_THROW(measure_sensitivity(recipe, make_model, images), Error);
}

}  // namespace
}  // namespace bitsieve
