// Threads, interruption and resumption leave no trace in the calibration.
#include "runtime/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

class Calibrating : public testing::Test {
 protected:
  // input (3, 5, 4) -> conv 5 channels, relu -> conv 4 channels -> mean -> linear
  Calibrating() {
    Graph graph;
    graph.name = "small";
    graph.input = graph.add_value("input", {3, 5, 4});
    ValueId last = graph.input;
    const auto push = [&](Op op, const std::string& name, std::vector<Tensor> params) {
      Node node{};
      node.op = op;
      node.name = name;
      node.inputs = {last};
      node.params = std::move(params);
      if (op == Op::reduce_mean) {
        node.attributes.axes = {1, 2};
        node.attributes.keep_dims = false;
      }
      if (name == "conv1") node.clamp_lo = 0;
      last = node.output = graph.add_value(name + "_out", {});
      graph.values.back().shape = infer_shape(graph, node);
      graph.nodes.push_back(std::move(node));
    };
    push(Op::conv, "conv1", {noise({5, 3, 1, 1}), noise({5})});
    push(Op::conv, "conv2", {noise({4, 5, 1, 1}), noise({4})});
    push(Op::reduce_mean, "mean", {});
    push(Op::linear, "linear", {noise({7, 4}), noise({7})});
    graph.output = last;
    validate(graph);
    network = float_model(graph);
  }
  Tensor noise(Shape shape) {
    Tensor t(std::move(shape));
    for (float& x : t.data) x = std::normal_distribution<float>(0, 0.5f)(random);
    return t;
  }
  static void image(std::int64_t i, std::span<float> out) {
    std::mt19937 generator(static_cast<unsigned>(i));
    for (float& x : out) x = generator() % 4 == 0 ? 0 : std::normal_distribution<float>(0, 1)(generator);
  }
  Calibration identity() const {
    Calibration c;
    c.model = "small";
    c.model_hash = "beef";
    c.seed = 3;
    return c;
  }
  Calibration whole(std::int64_t images, int threads) const {
    CalibrateOptions options;
    options.threads = threads;
    return calibrate(network, images, image, options, identity());
  }

  std::mt19937 random{5};
  QuantizedModel network;
};

TEST_F(Calibrating, EqualsLookingAtEachImage) {
  constexpr int images = 70;
  const Calibration c = whole(images, 2);
  std::map<std::string, ValueStatistics> expected;
  const Executor executor(network);
  Executor::Workspace workspace;
  for (int i = 0; i < images; ++i) {
    std::vector<float> input(60), scores;
    image(i, input);
    executor.run(input, workspace, scores, [&](ValueId id, const void* data) {
      const Value& value = network.graph.values[static_cast<std::size_t>(id)];
      const auto* x = static_cast<const float*>(data);
      const std::int64_t count = element_count(value.shape), channels = value.shape[0];
      ValueStatistics& s = expected[value.name];
      for (std::int64_t k = 0; k < count; ++k) {
        ++s.elements;
        s.zeros += x[k] == 0;
        s.histogram.add(Histogram::bucket_of(x[k]), 1);
        if (k % channels % 2 == 0 && k % channels + 1 < channels) {
          ++s.pairs;
          s.pairs_both_zero += x[k] == 0 && x[k + 1] == 0;
          s.pairs_one_zero += (x[k] == 0) != (x[k + 1] == 0);
        }
      }
      s.add_image(*std::min_element(x, x + count), *std::max_element(x, x + count));
    });
  }
  EXPECT_EQ(c.values, expected);
  EXPECT_EQ(c.values.size(), 5u);
  EXPECT_EQ(c.values.at("conv1_out").min, 0);
  EXPECT_GT(c.values.at("conv1_out").pairs_both_zero, 0);
  EXPECT_EQ(c.images_done, images);
  EXPECT_TRUE(c.complete());
}

TEST_F(Calibrating, ThreadsLeaveNoTrace) {
  const std::string one = to_json(whole(131, 1));
  // The last takes no memory for workers that have nothing to do.
  for (const int threads : {2, 3, 8, std::numeric_limits<int>::max()}) {
    EXPECT_EQ(to_json(whole(131, threads)), one) << threads;
  }
}

TEST_F(Calibrating, ResumedEqualsUninterrupted) {
  const std::string expected = to_json(whole(131, 2));
  for (const std::int64_t stop_after : {0, 32, 64, 128}) {
    std::atomic<bool> stop{stop_after == 0};
    std::string saved;
    CalibrateOptions options;
    options.threads = 2;
    options.stop = &stop;
    options.progress = [&](std::int64_t done) { stop = done >= stop_after; };
    options.checkpoint = [&](const Calibration& so_far) { saved = to_json(so_far); };
    const Calibration partial = calibrate(network, 131, image, options, identity());
    EXPECT_EQ(partial.images_done, stop_after);
    EXPECT_FALSE(partial.complete());
    EXPECT_EQ(to_json(partial), saved) << "a stopped pass saves what it has";
    options = {};
    EXPECT_EQ(to_json(calibrate(network, 131, image, options, parse_calibration(saved, "partial.json"))), expected);
  }
}

// Also from a length that no block ends at, and from one that is done.
TEST_F(Calibrating, MoreImagesContinueWhereFewerEnded) {
  const std::string expected = to_json(whole(100, 1));
  EXPECT_EQ(to_json(calibrate(network, 100, image, {}, whole(37, 1))), expected);
  EXPECT_EQ(to_json(calibrate(network, 100, image, {}, whole(100, 1))), expected);
}

TEST_F(Calibrating, ChecksPointsInTimeAndLooksAtNoImageTwice) {
  std::vector<std::int64_t> done, saved;
  std::vector<int> looked(100);
  CalibrateOptions options;
  options.threads = 1;
  options.checkpoint_seconds = 0;
  options.progress = [&](std::int64_t n) { done.push_back(n); };
  options.checkpoint = [&](const Calibration& c) { saved.push_back(c.images_done); };
  calibrate(
      network, 100, [&](std::int64_t i, std::span<float> out) { ++looked[static_cast<std::size_t>(i)], image(i, out); },
      options, whole(10, 1));
  EXPECT_EQ(done, (std::vector<std::int64_t>{42, 74, 100}));
  EXPECT_EQ(saved, (std::vector<std::int64_t>{42, 74}));  // the whole is the caller's
  for (std::size_t i = 0; i < looked.size(); ++i) EXPECT_EQ(looked[i], i < 10 ? 0 : 1);
}

TEST_F(Calibrating, RefusesWhatDoesNotFit) {
  const auto text = [&](Calibration start, std::int64_t images, const ImageSource& source) -> std::string {
    try {
      calibrate(network, images, source, {}, std::move(start));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(text(whole(20, 1), 10, image).find("has 20 images already, 10 are wanted"), std::string::npos);
  Calibration other = whole(20, 1);
  other.values.erase("mean_out");
  EXPECT_NE(text(other, 30, image).find("another model"), std::string::npos);
  other.values["different"] = other.values["input"];
  EXPECT_NE(text(other, 30, image).find("another model"), std::string::npos);
  const auto broken = [](std::int64_t i, std::span<float> out) {
    image(i, out);
    if (i == 3) out[7] = std::nanf("");
  };
  EXPECT_EQ(text({}, 10, broken),
            "calibration image 3: value 'input' of model 'small' is infinite or not a number; check the preprocessing");
}

}  // namespace
}  // namespace bitsieve
