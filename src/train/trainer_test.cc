#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace bitsieve::train {
namespace {

// Class i of four: the quarter of the picture that is bright.
class Quarters : public Dataset {
 public:
  std::int64_t size() const override { return 256; }
  std::string description() const override { return "quarters"; }
  int label(std::int64_t i) const override { return static_cast<int>(i % 4); }
  Image image(std::int64_t i) const override {
    Image picture{6, 6, 1, std::vector<std::uint8_t>(36, 0)};
    for (std::int64_t p = 0; p < 36; ++p) {
      const std::int64_t quarter = p / 18 * 2 + p % 6 / 3;
      const std::int64_t noise = (p * 37 + i * 101) % 90;
      picture.pixels[static_cast<std::size_t>(p)] = static_cast<std::uint8_t>((quarter == i % 4 ? 120 : 40) + noise);
    }
    return picture;
  }
};

Graph network() {
  Graph graph;
  graph.name = "small";
  graph.input = graph.add_value("input", {1, 6, 6});
  torch::manual_seed(21);
  const auto draw = [](Shape shape) {
    const torch::Tensor t = torch::randn(shape) * 0.3;
    Tensor tensor(shape, 0.0f);
    std::copy_n(t.data_ptr<float>(), t.numel(), tensor.data.begin());
    return tensor;
  };
  Node conv{};
  conv.op = Op::conv;
  conv.name = "conv";
  conv.inputs = {graph.input};
  conv.attributes.window.kernel = {3, 3};
  conv.attributes.window.stride = {3, 3};
  conv.params = {draw({4, 1, 3, 3}), draw({4})};
  conv.clamp_lo = 0;
  conv.output = graph.add_value("conv", {4, 2, 2});
  Node flat{};
  flat.op = Op::reshape;
  flat.name = "flat";
  flat.inputs = {conv.output};
  flat.output = graph.add_value("flat", {16});
  Node linear{};
  linear.op = Op::linear;
  linear.name = "linear";
  linear.inputs = {flat.output};
  linear.params = {draw({4, 16}), draw({4})};
  linear.output = graph.output = graph.add_value("linear", {4});
  graph.nodes = {conv, flat, linear};
  validate(graph);
  return graph;
}

Preprocessing gray() {
  Preprocessing p;
  p.channels = ChannelOrder::gray;
  return p;
}

struct Outcome {
  std::vector<EpochReport> reports;
  Graph graph;
};

Outcome run(const TrainerOptions& options, int threads = 1) {
  const Quarters data;
  GraphModule module(network());
  BatchOptions batch;
  batch.batch = 32;
  batch.augment = false;
  batch.threads = threads;
  BatchStream batches(data, gray(), {1, 6, 6}, batch);
  FloatMethod method;
  Outcome run;
  train(module, method, batches, options, [&](const EpochReport& r) { run.reports.push_back(r); });
  run.graph = module.graph();
  return run;
}

TEST(Trainer, Learns) {
  TrainerOptions options;
  options.epochs = 12;
  const Outcome done = run(options);
  ASSERT_EQ(done.reports.size(), 12u);
  EXPECT_LT(done.reports.back().loss, 0.3 * done.reports.front().loss);
  EXPECT_GT(done.reports.back().accuracy, 95);
  EXPECT_EQ(done.reports.back().epoch, 12);
  EXPECT_LT(done.reports.back().rate, 0.01 * options.schedule.rate);
}

TEST(Trainer, IsTheSameTwice) {
  TrainerOptions options;
  options.epochs = 2;
  const Outcome one = run(options), two = run(options, 3);
  for (std::size_t i : {0u, 2u}) {
    EXPECT_EQ(one.graph.nodes[i].weight().data, two.graph.nodes[i].weight().data);
    EXPECT_EQ(one.graph.nodes[i].bias()->data, two.graph.nodes[i].bias()->data);
  }
  EXPECT_EQ(one.reports[1].loss, two.reports[1].loss);
}

TEST(Trainer, StopsWhereTheLossIsNoNumber) {
  TrainerOptions options;
  options.schedule.kind = Schedule::Kind::steps;
  options.schedule.rate = 1e20;
  try {
    run(options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("the loss is"), std::string::npos) << error.what();
  }
}

TEST(Schedule, StepsCosineAndWarmup) {
  Schedule steps;
  steps.kind = Schedule::Kind::steps;
  steps.rate = 1;
  steps.drops = {2, 5};
  EXPECT_DOUBLE_EQ(steps.at(0), 1);
  EXPECT_DOUBLE_EQ(steps.at(2), 0.1);
  EXPECT_NEAR(steps.at(7), 0.01, 1e-12);
  Schedule cosine;
  cosine.rate = 1;
  cosine.epochs = 10;
  cosine.warmup = 2;
  EXPECT_DOUBLE_EQ(cosine.at(0), 0);
  EXPECT_DOUBLE_EQ(cosine.at(1), 0.5);
  EXPECT_DOUBLE_EQ(cosine.at(2), 1);
  EXPECT_NEAR(cosine.at(6), 0.5, 1e-12);
  EXPECT_NEAR(cosine.at(10), 0, 1e-12);
}

}  // namespace
}  // namespace bitsieve::train
