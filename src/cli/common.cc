#include "cli/common.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

// Indices of a seeded choice of `count` of `size`, ascending. Fisher-Yates by hand: std::shuffle's result is not
// specified, and the same seed must give the same images everywhere.
std::vector<std::int64_t> choose(std::int64_t size, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(size));
  std::iota(indices.begin(), indices.end(), 0);
  if (count <= 0 || count >= size) return indices;
  std::mt19937_64 random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto j = i + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(size - i));
    std::swap(indices[static_cast<std::size_t>(i)], indices[static_cast<std::size_t>(j)]);
  }
  indices.resize(static_cast<std::size_t>(count));
  std::sort(indices.begin(), indices.end());
  return indices;
}

void load_input(const Dataset& dataset, const Preprocessing& preprocessing, const Shape& shape, std::int64_t index,
                std::span<float> out) {
  Preprocessing wanted = preprocessing;
  if (shape.size() == 3 && wanted.height == 0) {
    wanted.height = static_cast<int>(shape[1]);
    wanted.width = static_cast<int>(shape[2]);
  }
  preprocess(dataset.image(index), wanted, out.data());
}

}  // namespace

void add_model(CLI::App& app, CommonOptions& options) {
  app.add_option("MODEL", options.model, "ONNX file")->required();
  app.add_option("--format", options.format, "human or json")->check(CLI::IsMember({"human", "json"}));
}

void add_data(CLI::App& app, CommonOptions& options) {
  app.add_option("--data", options.data, "labelled images, KIND:PATH[:SPLIT] (see bitsieve list)")->required();
  app.add_option("--preprocess", options.preprocess, "preprocessing file (default: MODEL with the ending .toml)");
  app.add_option("-j,--threads", options.threads, "threads (default: all processors)")->check(CLI::NonNegativeNumber);
  app.add_option("--seed", options.seed, "seed of every random choice");
  app.add_option("--limit", options.limit, "evaluate a seeded choice of so many images (0: all)")->check(CLI::NonNegativeNumber);
}

void add_calibration(CLI::App& app, CommonOptions& options) {
  app.add_option("--calib", options.calib, "images for calibration, labels ignored, KIND:PATH[:SPLIT]")->required();
  app.add_option("--calib-samples", options.calib_samples, "images to calibrate on")->check(CLI::PositiveNumber);
}

Graph load_graph(const CommonOptions& options) {
  Graph graph = load_onnx(options.model);
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  return graph;
}

Preprocessing load_preprocessing(const CommonOptions& options) {
  std::string path = options.preprocess;
  if (path.empty()) {
    path = std::filesystem::path(options.model).replace_extension(".toml");
    if (!std::filesystem::exists(path)) return {};
  }
  return parse_preprocessing(read_file(path, 1 << 20), path);
}

Batch load_batch(const Dataset& dataset, const Preprocessing& preprocessing, const Shape& input, std::int64_t count,
                 std::uint64_t seed, int threads) {
  const std::vector<std::int64_t> indices = choose(dataset.size(), count, seed);
  Batch batch;
  batch.images.resize(indices.size());
  batch.labels.resize(indices.size());
  parallel_for(static_cast<std::int64_t>(indices.size()), threads, [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    batch.images[at].resize(static_cast<std::size_t>(element_count(input)));
    load_input(dataset, preprocessing, input, indices[at], batch.images[at]);
    batch.labels[at] = dataset.label(indices[at]);
  });
  return batch;
}

Calibration run_calibration(const Graph& graph, const Dataset& dataset, const Preprocessing& preprocessing,
                            const CommonOptions& options) {
  const std::vector<std::int64_t> indices = choose(dataset.size(), options.calib_samples, options.seed);
  const QuantizedModel network = float_model(graph);
  return calibrate(network, static_cast<std::int64_t>(indices.size()), options.threads,
                   [&](std::int64_t i, std::span<float> out) {
                     load_input(dataset, preprocessing, graph.shape(graph.input), indices[static_cast<std::size_t>(i)], out);
                   });
}

bool json_wanted(const CommonOptions& options) { return options.format == "json"; }

}  // namespace bitsieve::cli
