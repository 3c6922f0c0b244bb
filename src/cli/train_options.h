// The options of `train`.
#pragma once
#include <string>
#include <vector>

#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/report.h"
#include "data/dataset.h"
#include "train/options.h"

namespace bitsieve::cli {

struct TrainVerb {
  Options options;
  train::TrainOptions training;
  std::vector<std::string> outputs;
  std::string schedule = "cosine", test, range = "mse", activations, checkpoint, log;
  std::vector<std::string> quirks;
  std::string preset = "short", scheme, reweigh = "sensitivity";
  double alpha = 0, lambda = 0;
  bool restart = false;
  int bits = 0;         // 0: the method's own
  double interval = 0;  // the same
  double target = 0;    // likewise
  bool no_augment = false, resume = false;
  const CLI::App* app = nullptr;

  // Of several processes the one that prints and writes.
  bool first() const { return training.part.rank == 0; }
};

void add_train_options(CLI::App& app, TrainVerb& verb);

// Everything that follows from what was said: defaults that depend on others, names of files. Throws Error (usage)
// where options do not go together.
void settle(TrainVerb& verb);

// .bsv, and not .onnx.
bool is_packed_name(const std::string& path);
bool has_recipe(const TrainVerb& verb);  // where weights or activations have codes
std::string recipe_file(const TrainVerb& verb);
std::string preprocessing_beside(const std::string& onnx);
// All that it may write.
std::vector<std::string> files_of(const TrainVerb& verb);

// What the weights depend on, by the names of options.
Json options_json(const TrainVerb& verb, const ModelFile& file, const Dataset& data);

}  // namespace bitsieve::cli
