// Loads an ONNX network, quantizes it to INT8 weights and SPARQ activations, and runs it. A real program calibrates on
// images (data/dataset.h); random ones show the way.
#include <cstdio>
#include <random>

#include "base/error.h"
#include "compress/quantize.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

int main(int argc, char** argv) try {
  if (argc != 2) return std::fprintf(stderr, "usage: quickstart MODEL.onnx\n"), 2;
  bitsieve::Graph graph = bitsieve::load_onnx(argv[1]);
  bitsieve::fold_batch_norms(graph);
  bitsieve::fuse_activations(graph);
  bitsieve::remove_dead(graph);
  const auto image = [](std::int64_t index, std::span<float> out) {
    std::mt19937 random(static_cast<unsigned>(index));
    for (float& x : out) x = static_cast<float>(random() % 1000) / 1000;
  };
  const bitsieve::Calibration calibration = bitsieve::calibrate(bitsieve::float_model(graph), 32, 0, image);
  bitsieve::Recipe recipe;
  recipe.layers.act_code = "sparq-5opt-round";
  const bitsieve::QuantizedModel model = bitsieve::quantize(graph, calibration, recipe).model;
  const bitsieve::Executor executor(model);
  bitsieve::Executor::Workspace workspace;
  std::vector<float> input(static_cast<std::size_t>(bitsieve::element_count(graph.shape(graph.input)))), scores;
  image(1000, input);
  executor.run(input, workspace, scores);
  for (std::size_t i = 0; i < scores.size(); ++i) std::printf("class %zu: %f\n", i, static_cast<double>(scores[i]));
} catch (const bitsieve::Error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
