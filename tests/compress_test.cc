// The corrections without labels on the embedded network and real images: what a user gains from each.
#include <gtest/gtest.h>

#include <memory>

#include "base/files.h"
#include "compress/pipeline.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "eval/accuracy.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

class DefaultNetwork : public testing::Test {
 protected:
  static constexpr std::int64_t calibration_images = 256, test_images = 200;

  struct Shared {
    Graph graph;
    Preprocessing preprocessing;
    std::unique_ptr<Dataset> train, test;
    Calibration calibration;
    Scores reference;
  };
  static void SetUpTestSuite() {
    shared = std::make_unique<Shared>();
    const std::string base = std::string(BITSIEVE_MODELS) + "/fashion-resnet14";
    shared->graph = load_onnx(base + ".onnx");
    fold_batch_norms(shared->graph);
    fuse_activations(shared->graph);
    remove_dead(shared->graph);
    shared->preprocessing = parse_preprocessing(read_file(base + ".toml", 1 << 20), base + ".toml");
    shared->train = open_dataset("fashion-mnist:/usr/share/datasets/fashion-mnist:train", false);
    shared->test = open_dataset("fashion-mnist:/usr/share/datasets/fashion-mnist:test", false);
    shared->calibration = calibrate(float_model(shared->graph), calibration_images, 0, calibration_image);
    shared->reference = scores(float_model(shared->graph));
  }
  static void TearDownTestSuite() { shared.reset(); }

  static void calibration_image(std::int64_t i, std::span<float> out) {
    preprocess(shared->train->image(i), shared->preprocessing, out.data());
  }
  static Scores scores(const QuantizedModel& model, bool reference = false, std::int64_t images = test_images) {
    const Executor executor(model, reference);
    Executor::Workspace workspace;
    std::vector<float> input(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input))));
    Scores all(static_cast<std::size_t>(images));
    for (std::int64_t i = 0; i < images; ++i) {
      preprocess(shared->test->image(i), shared->preprocessing, input.data());
      executor.run(input, workspace, all[static_cast<std::size_t>(i)]);
    }
    return all;
  }
  static CompressResult make(const Recipe& recipe) {
    CompressInput input;
    input.graph = &shared->graph;
    input.calibration = &shared->calibration;
    input.image = input.training_image = calibration_image;
    input.images = calibration_images;
    return compress(input, recipe);
  }
  static double sqnr(const Recipe& recipe) { return logit_sqnr_db(shared->reference, scores(make(recipe).model)); }
  static Recipe code(const std::string& act_code) {
    Recipe recipe;
    recipe.name = recipe.layers.act_code = act_code;
    return recipe;
  }

  static std::unique_ptr<Shared> shared;
};
std::unique_ptr<DefaultNetwork::Shared> DefaultNetwork::shared;

TEST_F(DefaultNetwork, RepairBringsTrimmedScoresBack) {
  Recipe recipe = code("sparq-7opt-trim");
  const double none = sqnr(recipe);
  recipe.repair = Repair::mean;
  const double mean = sqnr(recipe);
  recipe.repair = Repair::gain;
  const double gain = sqnr(recipe);
  EXPECT_GT(mean, none + 2);
  EXPECT_GT(gain, mean + 2);
  EXPECT_GT(gain, 10);
}

TEST_F(DefaultNetwork, RepairHarmsNoInt8Network) {
  Recipe recipe;
  const double none = sqnr(recipe);
  for (const Repair mode : {Repair::mean, Repair::gain}) {
    recipe.repair = mode;
    EXPECT_GT(sqnr(recipe), none - 1);
  }
}

TEST_F(DefaultNetwork, TheRepairedNetworkRunsTheSameOnBothExecutors) {
  Recipe recipe = code("sparq-5opt-round");
  recipe.layers.weight_code = "int4";
  recipe.repair = Repair::gain;
  const CompressResult result = make(recipe);
  EXPECT_EQ(scores(result.model, false, 5), scores(result.model, true, 5));
  double shift_before = 0, shift_after = 0;
  for (const LayerRepair& layer : result.repair->layers) {
    shift_before += layer.shift_before;
    shift_after += layer.shift_after;
  }
  EXPECT_LT(shift_after, 0.02 * shift_before);
}

TEST_F(DefaultNetwork, EqualizingKeepsTheFloatScores) {
  Graph equalized = shared->graph;
  EXPECT_GE(equalize(equalized).pairs.size(), 6u);
  EXPECT_GT(logit_sqnr_db(shared->reference, scores(float_model(equalized))), 100);
}

// Few images used 17 times over, without augmentation: it is no match for the repair, but against trimming to two bits
// it has to help.
TEST_F(DefaultNetwork, RecalibratedNormsHelpTrimmedNetworks) {
  Recipe recipe = code("sparq-7opt-trim");
  const double none = sqnr(recipe);
  recipe.recalibrate_norms = true;
  EXPECT_GT(sqnr(recipe), none + 2);
}

TEST_F(DefaultNetwork, PruningIsRepairedToo) {
  Recipe recipe = code("sparq-5opt-round");
  recipe.prune_two_of_four = true;
  const double none = sqnr(recipe);
  recipe.repair = Repair::gain;
  EXPECT_GT(sqnr(recipe), none + 2);
}

}  // namespace
}  // namespace bitsieve
