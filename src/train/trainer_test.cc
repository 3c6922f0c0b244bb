#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "train/bsq.h"
#include "train/coded.h"
#include "train/msq.h"
#include "train/qat.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

struct Outcome {
  std::vector<EpochReport> reports;
  Graph graph;
};

Outcome run(const TrainerOptions& options, int threads = 1) {
  const test::Quarters data;
  GraphModule module(test::small_network());
  BatchOptions batch;
  batch.batch = 32;
  batch.augment = false;
  batch.threads = threads;
  BatchStream batches(data, test::gray(), {1, 6, 6}, batch);
  FloatMethod method;
  Outcome run;
  Trainer::Watch watch;
  watch.report = [&](const EpochReport& r) { run.reports.push_back(r); };
  EXPECT_TRUE(Trainer(module, method, batches, options).run(watch));
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

// The least loss is the entropy of the smoothed labels, where the right one of four has 0.85 and the others 0.05.
TEST(Trainer, SmoothsLabels) {
  TrainerOptions options;
  options.epochs = 12;
  options.label_smoothing = 0.2;
  const Outcome done = run(options);
  const double least = -0.85 * std::log(0.85) - 3 * 0.05 * std::log(0.05), last = done.reports.back().loss;
  EXPECT_GT(last, least);
  EXPECT_LT(last, least + 0.15);
  EXPECT_GT(done.reports.back().accuracy, 95);
}

// The same pictures under wrong labels.
class Mislabelled : public test::Quarters {
 public:
  int label(std::int64_t i) const override { return static_cast<int>((i + 1) % 4); }
};

// Of a network that sees wrong labels all the time, and is asked for a trained network's scores alone: it agrees with
// that one. The least loss is that one's entropy, times the square of the temperature.
TEST(Trainer, LearnsWhatTheTeacherSays) {
  TrainerOptions options;
  options.epochs = 12;
  GraphModule teacher(run(options).graph);
  teacher.eval();
  options.distill = 1;
  for (const double temperature : {1.0, 4.0}) {
    options.temperature = temperature;
    options.schedule.rate = 0.05;
    const Mislabelled data;
    GraphModule module(test::small_network());
    BatchOptions batch;
    batch.batch = 32;
    batch.augment = false;
    BatchStream batches(data, test::gray(), {1, 6, 6}, batch);
    FloatMethod method;
    double accuracy = 100, loss = 0;
    Trainer::Watch watch;
    watch.report = [&](const EpochReport& r) {
      accuracy = r.accuracy;
      loss = r.loss;
    };
    ASSERT_TRUE(Trainer(module, method, batches, options, &teacher).run(watch));
    EXPECT_LT(accuracy, 5) << temperature;  // by the labels
    Batch all = batches.take(0, 0);
    const torch::NoGradGuard guard;
    const torch::Tensor x = torch::from_blob(all.images.data(), {32, 1, 6, 6});
    const torch::Tensor wanted = torch::softmax(teacher.forward(x) / temperature, 1);
    const double entropy = -(wanted * wanted.log()).sum(1).mean().item<double>(), square = temperature * temperature;
    EXPECT_NEAR(loss, square * entropy, square * 0.1) << temperature;
    EXPECT_TRUE(torch::equal(module.forward(x).argmax(1), wanted.argmax(1))) << temperature;
  }
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

std::unique_ptr<Method> method_of(const std::string& name) {
  if (name == "float") return std::make_unique<FloatMethod>();
  if (name == "qat") return std::make_unique<QatMethod>(std::map<std::size_t, QatStart>{{0, {3, 0}}, {2, {2, 0}}});
  if (name == "swis") return std::make_unique<CodedMethod>(CodedOptions{"swis-n2-m4", 3});
  if (name == "msq") {
    MsqOptions options;
    options.odd_share = 0.6;
    return std::make_unique<MsqMethod>(options);
  }
  BsqOptions options = paper_bsq();
  options.interval = 1;
  options.alpha = 0.3;
  return std::make_unique<BsqMethod>(options);
}

class Interrupted : public testing::TestWithParam<const char*> {};

// After any step, also between epochs, and more than once.
TEST_P(Interrupted, GoesOnToTheVerySameWeights) {
  const test::Quarters data;
  TrainerOptions options;
  options.epochs = 3;
  options.average = 0.9;
  options.norm_batches = 2;
  options.distill = 0.25;
  GraphModule teacher(test::small_network());
  BatchOptions batch;
  batch.batch = 64;  // four batches an epoch
  const auto weights_after = [&](const std::vector<int>& stops) {
    std::optional<State> state;
    int steps = 0;
    for (std::size_t part = 0;; ++part) {
      GraphModule module(test::small_network());
      const std::unique_ptr<Method> method = method_of(GetParam());
      BatchStream batches(data, test::gray(), {1, 6, 6}, batch);
      Trainer trainer(module, *method, batches, options, &teacher);
      if (state) trainer.load(parse_state(to_bytes(*state), "state"));
      std::atomic<bool> stop = false;
      Trainer::Watch watch;
      watch.stop = &stop;
      watch.progress = [&](int, std::int64_t) { stop = part < stops.size() && ++steps >= stops[part]; };
      watch.checkpoint = [&] {
        state.emplace();
        trainer.save(*state);
      };
      if (trainer.run(watch)) return module.graph();
      EXPECT_LT(part, stops.size());
    }
  };
  const Graph whole = weights_after({});
  for (const std::vector<int>& stops : std::vector<std::vector<int>>{{1}, {4}, {6}, {3, 5, 8}, {11}}) {
    const Graph again = weights_after(stops);
    for (const std::size_t i : {0u, 2u}) {
      EXPECT_EQ(whole.nodes[i].weight().data, again.nodes[i].weight().data) << stops.front();
      EXPECT_EQ(whole.nodes[i].bias()->data, again.nodes[i].bias()->data) << stops.front();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, Interrupted, testing::Values("float", "qat", "bsq", "msq", "swis"));

TEST(Trainer, RefusesAnotherRunsState) {
  const test::Quarters data;
  GraphModule module(test::small_network());
  FloatMethod method;
  BatchOptions batch;
  batch.batch = 64;
  BatchStream batches(data, test::gray(), {1, 6, 6}, batch);
  TrainerOptions options;
  Trainer trainer(module, method, batches, options);
  State state;
  trainer.save(state);
  trainer.load(state);
  for (const auto& [name, value] : State(state).numbers) {
    State wrong = state;
    wrong.numbers.erase(name);
    EXPECT_THROW(trainer.load(wrong), Error) << name;
  }
  for (const auto& [name, value] : State(state).arrays) {
    State wrong = state;
    wrong.arrays[name].push_back(0);
    EXPECT_THROW(trainer.load(wrong), Error) << name;
  }
  state.numbers["epoch"] = 11;
  EXPECT_THROW(trainer.load(state), Error);
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

// Wherever it happens, also in the last step before a checkpoint would be written: the last one is of whole numbers.
TEST(Trainer, KeepsTheLastGoodState) {
  const test::Quarters data;
  TrainerOptions options;
  options.epochs = 3;
  BatchOptions batch;
  batch.batch = 64;  // four batches an epoch
  for (const int poisoned : {6, 8}) {
    GraphModule module(test::small_network());
    FloatMethod method;
    BatchStream batches(data, test::gray(), {1, 6, 6}, batch);
    Trainer trainer(module, method, batches, options);
    Trainer::Watch watch;
    int steps = 0, checkpoints = 0;
    watch.progress = [&](int, std::int64_t) {
      const torch::NoGradGuard guard;
      if (++steps == poisoned) module.layer(0).weight.fill_(std::numeric_limits<float>::quiet_NaN());
    };
    watch.checkpoint = [&] { ++checkpoints; };
    try {
      trainer.run(watch);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(poisoned == 6 ? "the loss is nan in epoch 2, batch 3" : "in epoch 2"),
                std::string::npos)
          << error.what();
    }
    EXPECT_EQ(checkpoints, 1);
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
