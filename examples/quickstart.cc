// Loads, quantizes (8-bit weights, SPARQ) and runs a network. Real programs calibrate on images (data/dataset.h).
#include <cstdio>
#include <random>

#include "base/error.h"
#include "compress/quantize.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

using namespace bitsieve;

int main(int argc, char** argv) try {
  if (argc != 2) fail("usage: quickstart MODEL.onnx");
  Graph graph = load_onnx(argv[1]);
  fold_batch_norms(graph), fuse_activations(graph), remove_dead(graph);
  const auto image = [](std::int64_t index, std::span<float> out) {
    std::mt19937 random(static_cast<unsigned>(index));
    for (float& x : out) x = static_cast<float>(random() % 1000) / 1000;
  };
  const Calibration calibration = calibrate(float_model(graph), 32, 0, image);
  Recipe recipe;
  recipe.layers.act_code = "sparq-5opt-round";
  const QuantizedModel model = quantize(graph, calibration, recipe).model;
  const Executor executor(model);
  Executor::Workspace workspace;
  std::vector<float> input(static_cast<std::size_t>(element_count(graph.shape(graph.input)))), scores;
  image(1000, input), executor.run(input, workspace, scores);
  for (std::size_t i = 0; i < scores.size(); ++i) std::printf("class %zu: %f\n", i, static_cast<double>(scores[i]));
} catch (const Error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
