// What the verbs share: options, loading, output.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "data/dataset.h"
#include "data/preprocess.h"
#include "eval/accuracy.h"
#include "graph/graph.h"
#include "quant/calibration.h"

namespace bitsieve::cli {

struct CommonOptions {
  std::string model, data, calib, preprocess, format = "human";
  int threads = 0;
  std::uint64_t seed = 1;
  std::int64_t limit = 0;          // images to evaluate; 0: all
  std::int64_t calib_samples = 512;
};

// Adds the options that the verb uses.
void add_model(CLI::App& app, CommonOptions& options);
void add_data(CLI::App& app, CommonOptions& options);
void add_calibration(CLI::App& app, CommonOptions& options);

// Reads MODEL, folds batch norms, fuses activations.
Graph load_graph(const CommonOptions& options);

// --preprocess, or MODEL with the ending .toml, or the default (pixels / 255).
Preprocessing load_preprocessing(const CommonOptions& options);

// `count` images (0: all), a seeded choice when fewer than the set has; in the order of the set.
Batch load_batch(const Dataset& dataset, const Preprocessing& preprocessing, const Shape& input, std::int64_t count,
                 std::uint64_t seed, int threads);

Calibration run_calibration(const Graph& graph, const Dataset& dataset, const Preprocessing& preprocessing,
                            const CommonOptions& options);

bool json_wanted(const CommonOptions& options);

// Verbs; each registers its sub-command.
void add_auto(CLI::App& app);
void add_info(CLI::App& app);
void add_eval(CLI::App& app);
void add_list(CLI::App& app);

}  // namespace bitsieve::cli
