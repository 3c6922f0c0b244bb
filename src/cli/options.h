// Options that several verbs share. Spellings are those of the command-line contract.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "quant/recipe.h"

namespace bitsieve::cli {

struct Options {
  std::string command;  // the whole command line
  std::string model, data, calib, preprocess, output;
  std::string format = "human", log_level = "info";
  int threads = 0;  // 0: all processors
  std::uint64_t seed = 1;
  std::int64_t limit = 0;  // images to evaluate; 0: all
  std::int64_t calib_samples = 512;
  bool plain = false;  // run the plain executor

  // The recipe: a file, then what the command line changes.
  std::string config, weights, activations, w_bits, a_bits, range, first_last, rounding, repair, prune;
  double percentile = 0;  // 0: the recipe's
  int act_top = 0;        // 0: the recipe's
  bool equalize = false, recalibrate_norms = false, strict = false, dry_run = false;
  std::vector<std::string> layers, excludes;

  bool json() const { return format == "json"; }
};

// What an option's text has to be; the message says so.
CLI::Validator at_least(std::uint64_t least, std::uint64_t most = INT64_MAX);  // a whole number
CLI::Validator within(double least, double most);                              // a number
CLI::Validator points();                                                       // percentage points
CLI::Validator not_empty();

void add_model(CLI::App& app, Options& options, const char* what = "ONNX file or .bsv file");
// --format and --log-level, which add_model() adds as well.
void add_format(CLI::App& app, Options& options);
void add_threads(CLI::App& app, Options& options, const char* what = "threads (default: all processors)");
void add_data(CLI::App& app, Options& options, bool required = true);
void add_calibration(CLI::App& app, Options& options, bool required = true);
void add_output(CLI::App& app, Options& options, const char* what);
void add_recipe(CLI::App& app, Options& options);

// --config and everything that overrides it. Throws Error (usage) naming the option and what is allowed.
Recipe recipe_from(const Options& options);

}  // namespace bitsieve::cli
