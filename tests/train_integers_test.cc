// What training computes in the end is what the integers compute: the same predictions on test images, for every method
// that has bits. All 10,000 with BITSIEVE_ALL set. In double precision: what is left is the runtime's float32 product
// of a requantization, which sends a value to the other one of two codes where it lies between them to seven digits,
// and with it a prediction whose first two classes are level: 0 to 3 of 10,000 after so little training.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "compress/quantize.h"
#include "data/dataset.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/executor.h"
#include "train/activations.h"
#include "train/train.h"

namespace bitsieve::train {
namespace {

constexpr const char* data_folder = "fashion-mnist:/usr/share/datasets/fashion-mnist";

// How it is trained, and how activations are coded. Of bsq both stages, and the first alone, whose scales are trained.
struct Way {
  const char *method, *activations;
  int finetune_epochs = 0;
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.method << ", " << way.activations; }

class Trained : public testing::TestWithParam<Way> {};

TEST_P(Trained, PredictsAsTheIntegersDo) {
  const std::string stem = std::string(BITSIEVE_MODELS) + "/fashion-resnet14";
  Graph graph = load_onnx(stem + ".onnx");
  fold_batch_norms(graph);
  fuse_activations(graph);
  const Preprocessing preprocessing = parse_preprocessing(read_file(stem + ".toml"), stem);
  TrainOptions options;
  options.method = GetParam().method;
  options.qat_bits = 3;
  options.activations.code = GetParam().activations;
  options.finetune_epochs = GetParam().finetune_epochs;
  options.activations.images = 128;
  options.batches.batch = 64;
  options.batches.most_images = 256;
  options.trainer.epochs = 1;
  options.trainer.schedule.rate = 0.01;
  const TrainResult result =
      train_network(graph, *open_dataset(std::string(data_folder) + ":train", true), preprocessing, options);
  ASSERT_TRUE(result.ranges);
  const QuantizedModel model = quantize(result.graph, *result.ranges, result.recipe).model;

  // The training-time forward pass, in evaluation mode.
  options.activations.range = RangeRule::minmax;
  Activations activations(result.graph, *result.ranges, options.activations);
  GraphModule module(result.graph);
  activations.attach(module);
  module.eval();
  module.to(torch::kDouble);
  const torch::NoGradGuard guard;
  const std::unique_ptr<Dataset> test = open_dataset(std::string(data_folder) + ":test", true);
  const std::int64_t count = std::getenv("BITSIEVE_ALL") != nullptr ? test->size() : 600;
  const Shape& input = graph.shape(graph.input);
  const Executor executor(model);
  Executor::Workspace workspace;
  std::vector<float> scores;
  int other = 0;
  double worst = 0;
  constexpr std::int64_t together = 50;
  torch::Tensor x = torch::empty({together, input[1], input[2], input[0]});
  const auto pixels = static_cast<std::size_t>(element_count(input));
  for (std::int64_t first = 0; first < count; first += together) {
    for (std::int64_t i = 0; i < together; ++i)
      preprocess(test->image(first + i), preprocessing, x[i].data_ptr<float>());
    const torch::Tensor y =
        module.forward(x.permute({0, 3, 1, 2}).contiguous().to(torch::kDouble)).to(torch::kFloat).contiguous();
    for (std::int64_t i = 0; i < together; ++i) {
      executor.run({x[i].data_ptr<float>(), pixels}, workspace, scores);
      const auto integer = std::max_element(scores.begin(), scores.end()) - scores.begin();
      other += integer != y[i].argmax().item<std::int64_t>();
      for (std::size_t c = 0; c < scores.size(); ++c)
        worst = std::max<double>(worst, std::abs(scores[c] - y[i].data_ptr<float>()[c]));
    }
  }
  std::printf("%s, %s: %d of %lld predictions differ, scores by %.2g at most\n", GetParam().method,
              GetParam().activations, other, static_cast<long long>(count), worst);
  EXPECT_LE(other, count / 2500);
}

INSTANTIATE_TEST_SUITE_P(Ways, Trained,
                         testing::Values(Way{"qat", "int8"}, Way{"qat", "act4-uniform"}, Way{"qat", "sparq-5opt-round"},
                                         Way{"bsq", "int8"}, Way{"bsq", "act4-uniform", 1},
                                         Way{"bsq", "sparq-5opt-round", 1}, Way{"msq", "act4-uniform"},
                                         Way{"swis", "int8"}, Way{"swis", "sparq-5opt-round"}));

}  // namespace
}  // namespace bitsieve::train
