#include "train/train.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

TrainOptions options_of(const std::string& method) {
  TrainOptions options;
  options.method = method;
  options.trainer.epochs = 2;
  options.trainer.schedule.rate = 0.05;
  options.batches.batch = 64;  // four batches an epoch
  options.batches.augment = false;
  options.threads = 1;
  if (method != "float") options.activations.code = "int8";
  options.activations.images = 64;
  options.bsq.interval = 1;
  options.bsq.alpha = 0.3;
  options.msq.odd_share = 0.6;
  return options;
}

TEST(Settled, FollowsFromOtherOptionsAndKeepsWhatWasSaid) {
  TrainOptions options;
  options.method = "bsq";
  options.trainer.epochs = 12;
  options.trainer.schedule.rate = 0.2;
  const TrainOptions all = settled(options);
  EXPECT_EQ(all.bsq.interval, 2);
  EXPECT_EQ(all.finetune_epochs, 60);
  EXPECT_EQ(all.finetune_rate, 0.2);
  EXPECT_TRUE(*all.restart);
  options.method = "msq";
  EXPECT_TRUE(*settled(options).restart);
  options.restart = false;
  options.trainer.epochs = 3;
  EXPECT_EQ(settled(options).finetune_epochs, 3);
  EXPECT_EQ(settled(options).finetune_rate, 0.1);
  EXPECT_EQ(settled(options).bsq.interval, 0.5);
  options.bsq.interval = 5;
  options.finetune_epochs = 0;
  options.finetune_rate = 0;
  options.restart = true;
  const TrainOptions said = settled(options);
  EXPECT_EQ(said.bsq.interval, 5);
  EXPECT_EQ(said.finetune_epochs, 0);
  EXPECT_EQ(said.finetune_rate, 0);
  EXPECT_TRUE(*said.restart);
}

struct Case {
  std::string name;
  TrainOptions options;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, const std::string& method, const auto& change) {
    all.push_back({name, options_of(method)});
    change(all.back().options);
  };
  const auto finetune = [](TrainOptions& o, bool restart) {
    o.finetune_epochs = 2;
    o.restart = restart;
  };
  add("floatScratch", "float", [](TrainOptions& o) { o.scratch = true; });
  add("floatDistilled", "float", [](TrainOptions& o) { o.trainer.distill = 0.5; });
  add("bsqFinetuned", "bsq", [&](TrainOptions& o) { finetune(o, false); });
  add("bsqRestart", "bsq", [&](TrainOptions& o) {
    finetune(o, true);
    o.trainer.average = 0.9;
    o.trainer.norm_batches = 2;
  });
  add("bsqByThePace", "bsq", [&](TrainOptions& o) {
    finetune(o, true);
    o.bsq.alpha.reset();
    o.bsq.target = 4;
    o.bsq.interval = 0.5;
  });
  add("bsqLearntRanges", "bsq", [&](TrainOptions& o) {
    finetune(o, false);
    o.activations.learn = true;
  });
  add("msqBatchRanges", "msq", [&](TrainOptions& o) {
    finetune(o, false);
    o.activations.dynamic = true;
  });
  add("qatScheme", "qat", [](TrainOptions& o) {
    o.scheme = {{"conv", 4}, {"linear", 2}};
    o.activations.learn = true;
  });
  return all;
}

class WholeRuns : public testing::TestWithParam<Case> {};

// Stopped after any step, in any stage, and more than once: the same network, layers and history.
TEST_P(WholeRuns, GoOnToTheVerySameNetwork) {
  const test::Quarters data;
  const Graph graph = test::small_network();
  const TrainOptions& options = GetParam().options;
  const auto stopped_after = [&](const std::vector<int>& stops) {
    std::optional<State> state;
    int steps = 0;
    for (std::size_t part = 0;; ++part) {
      std::atomic<bool> stop = false;
      TrainWatch watch;
      watch.stop = &stop;
      watch.progress = [&](std::int64_t, std::int64_t, double) {
        stop = part < stops.size() && ++steps >= stops[part];
      };
      std::optional<State> next;
      watch.checkpoint = [&](const State& now) { next = now; };
      watch.stage_done = [&](const std::string& stage, const TrainResult& so_far) {
        return fmt::format("{} {} {}", stage, so_far.layers.size(), so_far.graph.nodes[0].weight().data[0]);
      };
      TrainResult result = train_network(graph, data, test::gray(), options, watch, state ? &*state : nullptr);
      if (result.complete) return result;
      EXPECT_LT(part, stops.size());
      state = parse_state(to_bytes(next.value()), "state");
    }
  };
  const TrainResult whole = stopped_after({});
  const int all = 4 * static_cast<int>(whole.epochs.size());
  for (const std::vector<int>& stops :
       std::vector<std::vector<int>>{{1}, {4}, {7}, {all / 2}, {all - 3}, {2, all / 2 + 1, all - 1}}) {
    const TrainResult again = stopped_after(stops);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      ASSERT_EQ(whole.graph.nodes[i].params.size(), again.graph.nodes[i].params.size());
      for (std::size_t p = 0; p < whole.graph.nodes[i].params.size(); ++p)
        EXPECT_EQ(whole.graph.nodes[i].params[p].data, again.graph.nodes[i].params[p].data) << stops.front();
    }
    ASSERT_EQ(whole.epochs.size(), again.epochs.size());
    for (std::size_t e = 0; e < whole.epochs.size(); ++e) {
      EXPECT_EQ(whole.epochs[e].loss, again.epochs[e].loss);
      EXPECT_EQ(whole.epochs[e].bits, again.epochs[e].bits);
      EXPECT_EQ(whole.epochs[e].stage, again.epochs[e].stage);
    }
    EXPECT_EQ(whole.notes, again.notes);
    EXPECT_EQ(whole.notes.size(), options.finetune_epochs > 0 ? 1u : 0u);
    EXPECT_EQ(whole.chosen, again.chosen);
    ASSERT_EQ(whole.layers.size(), again.layers.size());
    for (std::size_t l = 0; l < whole.layers.size(); ++l) {
      EXPECT_EQ(whole.layers[l].bits, again.layers[l].bits);
      EXPECT_EQ(whole.layers[l].scale, again.layers[l].scale);
      EXPECT_EQ(whole.layers[l].from_top, again.layers[l].from_top);
    }
    ASSERT_EQ(whole.ranges.has_value(), again.ranges.has_value());
    if (whole.ranges) {
      EXPECT_EQ(to_json(*whole.ranges), to_json(*again.ranges));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, WholeRuns, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// A process that is killed leaves the state of the last epoch, also where that was the last one of its stage.
TEST(Train, GoesOnFromEveryCheckpoint) {
  TrainOptions options = options_of("bsq");
  options.finetune_epochs = 2;
  std::vector<State> states;
  TrainWatch watch;
  watch.checkpoint = [&](const State& state) { states.push_back(state); };
  const test::Quarters data;
  const TrainResult whole = train_network(test::small_network(), data, test::gray(), options, watch);
  ASSERT_EQ(states.size(), 4u);
  for (const State& state : states) {
    const TrainResult again = train_network(test::small_network(), data, test::gray(), options, {}, &state);
    for (const std::size_t node : {0u, 2u})
      EXPECT_EQ(whole.graph.nodes[node].weight().data, again.graph.nodes[node].weight().data);
    EXPECT_EQ(again.epochs.size(), 4u);
  }
}

TEST(Train, QatHasTheBitsOfTheScheme) {
  TrainOptions options = options_of("qat");
  options.scheme = {{"conv", 4}};
  EXPECT_THROW(train_network(test::small_network(), test::Quarters(), test::gray(), options), Error);
  options.keep_float = options.activations.keep_float = "linear";
  const TrainResult result = train_network(test::small_network(), test::Quarters(), test::gray(), options);
  ASSERT_EQ(result.layers.size(), 1u);
  EXPECT_EQ(result.layers[0].node, "conv");
  EXPECT_EQ(result.layers[0].bits, 4);
  const std::vector<LayerRecipe> codes = resolve(result.graph, result.recipe);
  EXPECT_EQ(codes[0].weight_code, "int5-exact");
  EXPECT_EQ(codes[2].weight_code, "float");
}

TEST(Train, LearnsFromScratch) {
  TrainOptions options = options_of("float");
  options.trainer.epochs = 12;
  options.scratch = true;
  const TrainResult result = train_network(test::small_network(), test::Quarters(), test::gray(), options);
  EXPECT_GT(result.epochs.back().accuracy, 95);
}

}  // namespace
}  // namespace bitsieve::train
