// Networks as torch modules compute what the float executor computes: the embedded one, and every real one where the
// data folder is there (argument of the environment BITSIEVE_DATA; label "data").
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/executor.h"
#include "train/graph_module.h"

namespace bitsieve {
namespace {

Graph load(const std::string& path) {
  Graph graph = load_onnx(path);
  fold_batch_norms(graph);
  fuse_activations(graph);
  return graph;
}

std::vector<float> executed(const Graph& graph, const torch::Tensor& chw) {
  const torch::Tensor hwc = chw.permute({1, 2, 0}).contiguous();
  const QuantizedModel model = float_model(graph);
  const Executor executor(model);
  Executor::Workspace workspace;
  std::vector<float> scores;
  executor.run({hwc.data_ptr<float>(), static_cast<std::size_t>(hwc.numel())}, workspace, scores);
  return scores;
}

// Both sum in float32, each in its own order. An order of n terms is off by at most n half units of the sum of
// magnitudes; in random orders by about sqrt(n). With n up to 4608 and some fifty layers, whose errors add up likewise:
// sqrt(4608 * 50) * 2^-24 = 3e-5 of what the largest sums are.
constexpr double tolerance = 3e-5;

void check(const std::string& path) {
  SCOPED_TRACE(path);
  const Graph graph = load(path);
  train::GraphModule module(graph);
  module.eval();
  const Graph back = module.graph();
  const torch::NoGradGuard guard;
  torch::manual_seed(1);
  std::vector<std::int64_t> shape = graph.shape(graph.input);
  shape.insert(shape.begin(), 2);
  // Smooth noise, as large as preprocessed pictures are.
  torch::Tensor x = torch::randn(shape);
  for (int axis : {2, 3}) x = (x + x.roll(1, axis) + x.roll(2, axis)) / 1.7;
  const torch::Tensor y = module.forward(x).contiguous();
  double worst = 0, worst_back = 0;
  for (std::int64_t i = 0; i < 2; ++i) {
    const std::vector<float> wanted = executed(graph, x[i]), again = executed(back, x[i]);
    ASSERT_EQ(static_cast<std::int64_t>(wanted.size()), y[i].numel());
    double largest = 0;
    for (const float w : wanted) largest = std::max<double>(largest, std::abs(w));
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      const float got = y[i].data_ptr<float>()[j];
      worst = std::max(worst, std::abs(got - wanted[j]) / largest);
      worst_back = std::max(worst_back, std::abs(got - again[j]) / largest);
    }
  }
  std::printf("%s: deviation %.1e, as a graph again %.1e, tolerance %.0e\n", std::filesystem::path(path).stem().c_str(),
              worst, worst_back, tolerance);
  EXPECT_LT(worst, tolerance);
  EXPECT_LT(worst_back, tolerance);
}

TEST(TrainModels, TheEmbeddedNetwork) { check(std::string(BITSIEVE_MODELS) + "/fashion-resnet14.onnx"); }

TEST(TrainModels, RealNetworks) {
  const char* data = std::getenv("BITSIEVE_DATA");
  if (data == nullptr || !std::filesystem::exists(data)) GTEST_SKIP() << "no data folder in BITSIEVE_DATA";
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::recursive_directory_iterator(data)) {
    if (file.path().extension() == ".onnx") paths.push_back(file.path().string());
  }
  std::sort(paths.begin(), paths.end());
  ASSERT_FALSE(paths.empty());
  for (const std::string& path : paths) check(path);
}

}  // namespace
}  // namespace bitsieve
