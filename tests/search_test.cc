// Analysis and the mixed recipe on the embedded network and real images.
#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "compress/quantize.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "eval/accuracy.h"
#include "eval/analysis.h"
#include "eval/causes.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "search/mixed.h"
#include "search/shift_budget.h"

namespace bitsieve {
namespace {

const std::string data_folder = "fashion-mnist:/usr/share/datasets/fashion-mnist";

class DefaultNetwork : public testing::Test {
 protected:
  static void SetUpTestSuite() { shared = std::make_unique<Shared>(); }
  static void TearDownTestSuite() { shared.reset(); }

  struct Shared {
    Shared() {
      const std::string base = std::string(BITSIEVE_MODELS) + "/fashion-resnet14";
      graph = load_onnx(base + ".onnx");
      fold_batch_norms(graph);
      fuse_activations(graph);
      remove_dead(graph);
      preprocessing = parse_preprocessing(read_file(base + ".toml", 1 << 20), base + ".toml");
      calibration = calibrate(float_model(graph), 64, 0, train_images(64).image);
    }
    ImageSet images(const Dataset& from, std::int64_t first, std::int64_t count) const {
      return {count,
              [this, &from, first](std::int64_t i, std::span<float> out) {
                preprocess(from.image(first + i), preprocessing, out.data());
              },
              [&from, first](std::int64_t i) { return from.label(first + i); }};
    }
    ImageSet train_images(std::int64_t count) const { return images(*train, 0, count); }
    QuantizedModel make(const Recipe& recipe) const { return quantize(graph, calibration, recipe).model; }

    std::unique_ptr<Dataset> train = open_dataset(data_folder + ":train", true),
                             test = open_dataset(data_folder + ":test", true);
    Graph graph;
    Preprocessing preprocessing;
    Calibration calibration;
  };
  static Recipe trimmed() {
    Recipe recipe;
    recipe.name = recipe.layers.act_code = "sparq-7opt-trim";
    return recipe;
  }
  static std::unique_ptr<Shared> shared;
};
std::unique_ptr<DefaultNetwork::Shared> DefaultNetwork::shared;

// The budget holds for the model, as the program prints it.
TEST_F(DefaultNetwork, ABudgetOfShiftsIsKept) {
  const MakeModel make = [](const Recipe& recipe) { return shared->make(recipe); };
  const auto mean_shifts_of = [&](const QuantizedModel& model) {
    double sum = 0, all = 0;
    for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
      if (!has_weights(model.graph.nodes[i])) continue;
      const auto products = static_cast<double>(macs(model.graph, model.graph.nodes[i]));
      sum += products * shifts_per_weight(model.layers[i]);
      all += products;
    }
    return sum / all;
  };
  Recipe recipe;
  const ImageSet some = shared->train_images(16);
  for (const char* code : {"swis-n3-m4", "swis-n2-m4-c6", "swis-n2-m8-even", "swisc-n2-m4-tensor"}) {
    recipe.layers.weight_code = code;
    for (const double wanted : {2.4, 3.3}) {
      const BudgetResult result = spend_shifts(recipe, shared->graph, make, some, {.avg_shifts = wanted});
      EXPECT_TRUE(result.reached) << code;
      const double real = mean_shifts_of(make(result.recipe));
      EXPECT_LE(real, wanted * (1 + 1e-9)) << code;
      EXPECT_GT(real, wanted - 0.25) << code;
      EXPECT_NEAR(real, result.average, 1e-9) << code;
    }
  }
  recipe.layers.weight_code = "swis-n3-m4";
  const BudgetResult tight = spend_shifts(recipe, shared->graph, make, some, {.bits_per_weight = 1.5});
  EXPECT_FALSE(tight.reached);
  EXPECT_GT(tight.average, 3);  // 2.75 bits with one shift, and the scales
  recipe.layers.weight_code = "swis-n2-m4";
  const BudgetResult spent =
      spend_shifts(recipe, shared->graph, make, shared->train_images(64), {.avg_shifts = mean_shifts_of(make(recipe))});
  const ImageSet fresh = shared->images(*shared->test, 0, 200);
  const Evaluation real = evaluate(float_model(shared->graph), fresh, {});
  const auto sqnr = [&](const Recipe& r) { return logit_sqnr_db(real.scores, evaluate(make(r), fresh, {}).scores); };
  // The layers of this network are much alike, so there is nothing to gain, and must be nothing to lose but noise.
  EXPECT_GT(sqnr(spent.recipe), sqnr(recipe) - 0.5);
  recipe.layers.weight_code = "int8";
  EXPECT_THROW(spend_shifts(recipe, shared->graph, make, some, {.avg_shifts = 2}), Error);
}

TEST_F(DefaultNetwork, MixedRecipeBringsTrimmedTwoBitWindowsBack) {
  const ImageSet chosen_on = shared->images(*shared->test, 0, 200), fresh = shared->images(*shared->test, 200, 400);
  const MakeModel make = [](const Recipe& recipe) { return shared->make(recipe); };
  const EvaluateOptions quick{.keep_scores = false};
  const Evaluation int8 = evaluate(make(Recipe{}), chosen_on, quick);
  const auto layers = measure_sensitivity(trimmed(), make, shared->train_images(32));
  EXPECT_EQ(layers.size(), 14u);
  const MixedResult mixed = search_mixed(trimmed(), layers, top1_drop(make, chosen_on, int8), {.max_evaluations = 16});
  EXPECT_GT(mixed.narrow_drop, 2);  // there was something to repair
  EXPECT_TRUE(mixed.reached);
  EXPECT_LE(mixed.drop, 1);
  const auto narrow =
      std::count_if(mixed.layers.begin(), mixed.layers.end(), [](const MixedLayer& l) { return l.narrow(); });
  EXPECT_GE(narrow, 4);
  EXPECT_LT(narrow, 14);
  // On images that had no say the result holds too, within what 400 images can tell, and the trimmed recipe does not.
  const Evaluation fresh_int8 = evaluate(make(Recipe{}), fresh, quick);
  EXPECT_LT(paired_drop(fresh_int8, evaluate(make(mixed.recipe), fresh, quick)).ci95[0], 1);
  EXPECT_GT(paired_drop(fresh_int8, evaluate(make(trimmed()), fresh, quick)).ci95[0], 1);
}

TEST_F(DefaultNetwork, WithoutLabels) {
  const ImageSet images = shared->train_images(64);
  const MakeModel make = [](const Recipe& recipe) { return shared->make(recipe); };
  const EvaluateOptions quick{.keep_scores = false};
  const Evaluation real = evaluate(float_model(shared->graph), images, quick);
  const auto layers = measure_sensitivity(trimmed(), make, shared->train_images(32));
  const MeasureDrop drop = disagreement(make, images, real);
  const MixedResult mixed = search_mixed(trimmed(), layers, drop, {.max_drop = 3, .max_evaluations = 20});
  EXPECT_TRUE(mixed.reached);
  EXPECT_GT(mixed.narrow_drop, 3);
  EXPECT_EQ(mixed.recipe.rules.size(),
            static_cast<std::size_t>(
                std::count_if(mixed.layers.begin(), mixed.layers.end(), [](const auto& l) { return !l.narrow(); })));
  // The same choice again: nothing in it is random.
  EXPECT_EQ(search_mixed(trimmed(), measure_sensitivity(trimmed(), make, shared->train_images(32), 1), drop,
                         {.max_drop = 3, .max_evaluations = 20})
                .recipe,
            mixed.recipe);
}

TEST_F(DefaultNetwork, AnalysisBlamesTheWindows) {
  const QuantizedModel real = float_model(shared->graph);
  const ModelAnalysis int8 = analyze(shared->make(Recipe{}), real, shared->train_images(16));
  const ModelAnalysis windows = analyze(shared->make(trimmed()), real, shared->train_images(16));
  const auto at = [](const ModelAnalysis& a, int i) -> const LayerAnalysis& {
    return a.nodes[static_cast<std::size_t>(i)];
  };
  const std::vector<int> worst = worst_first(windows);
  EXPECT_EQ(worst.size(), 16u);
  for (const int i : worst) {
    const LayerAnalysis& layer = at(windows, i);
    if (layer.act_code == "int8") continue;  // the first convolution and the classifier
    EXPECT_STREQ(find_cause(layer).cause, "window-shrinks") << layer.name;
    EXPECT_GT(at(int8, layer.node).alone_db, layer.alone_db + 5) << layer.name;
  }
  EXPECT_GT(worst_first(windows, true).size(), 16u);
  // The classifier's error is what its own measure of the scores says, and not its own.
  const LayerAnalysis& classifier = windows.nodes.back();
  EXPECT_STREQ(find_cause(classifier).cause, "inherited");
  const Scores a = evaluate(real, shared->train_images(16), {}).scores,
               b = evaluate(shared->make(trimmed()), shared->train_images(16), {}).scores;
  EXPECT_NEAR(classifier.accumulated_db, logit_sqnr_db(a, b), 1e-6);
}

}  // namespace
}  // namespace bitsieve
