// bitsieve quantize: model + calibration + recipe -> packed model.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/calibration_source.h"
#include "cli/packing.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "methods/swis/swis.h"
#include "search/shift_budget.h"

namespace bitsieve::cli {
namespace {

constexpr std::int64_t budget_images = 32;  // of the calibration images, to measure layers on

struct QuantizeOptions : Options {
  std::string cache;
  ShiftBudget budget;
  bool has_budget() const { return budget.avg_shifts > 0 || budget.bits_per_weight > 0; }
};

// What one option asks of the recipe: shifts for each layer, by what each is worth there.
Recipe spend(const Recipe& recipe, const ModelFile& file, const CalibrationSource& source,
             const QuantizeOptions& options) {
  ImageSet images = source.images->set();
  images.size = std::min(images.size, budget_images);
  const CompressInput input = source.input(file.graph, options);
  Progress progress("measuring shifts", 0);
  BudgetResult result = spend_shifts(
      recipe, file.graph, [&](const Recipe& r) { return compress(input, r).model; }, images, options.budget,
      options.threads, [&](std::int64_t done, std::int64_t of) { progress.set("measuring shifts", done, of); });
  const bool by_bits = options.budget.bits_per_weight > 0;
  if (!result.reached) {
    fail("{} {}: the least possible for this network and recipe is {:.3f}, {}layers of other codes included",
         by_bits ? "--target-bpw" : "--avg-shifts",
         by_bits ? options.budget.bits_per_weight : options.budget.avg_shifts, result.average,
         by_bits ? "scales and " : "");
  }
  inform(options, fmt::format("{:.3f} {}; noise of the scores by the layers alone:", result.average,
                              by_bits ? "stored bits a weight" : "shifts a weight, weighted by MACs"));
  for (const BudgetLayer& layer : result.layers) {
    inform(options, fmt::format("  {:<36} {:<20} {:.2e}", layer.name, layer.code, layer.noise));
  }
  return std::move(result.recipe);
}

void run(const QuantizeOptions& options) {
  const std::string& cache = options.cache;
  const Stopwatch clock;
  const ModelFile file = load_float_model(options.model, options, "quantize");
  Recipe recipe = recipe_from(options);
  if (options.has_budget()) {
    const char* option = options.budget.avg_shifts > 0 ? "--avg-shifts" : "--target-bpw";
    if (options.dry_run) {
      throw Error(fmt::format("{} has to measure, and --dry-run measures nothing: give one of the two", option),
                  ErrorKind::usage);
    }
    const std::vector<LayerRecipe> codes = resolve(file.graph, recipe);
    if (std::none_of(codes.begin(), codes.end(), [](const auto& c) { return swis::parse_name(c.weight_code); })) {
      throw Error(
          fmt::format("{} is for SWIS weights, and no layer has them; use --weights swis-n3-m4 or the like", option),
          ErrorKind::usage);
    }
    if (recipe.equalize || recipe.prune_two_of_four)
      throw Error("--avg-shifts and --target-bpw do not go with --equalize and --prune", ErrorKind::usage);
    recipe.name += options.budget.avg_shifts > 0 ? fmt::format("-avg{}", options.budget.avg_shifts)
                                                 : fmt::format("-bpw{}", options.budget.bits_per_weight);
  }
  std::vector<std::string> warnings;
  resolve(file.graph, recipe, &warnings);
  if (options.dry_run) {
    for (const std::string& line : warnings) warn(options, line);
    const std::string toml = to_toml(resolved(file.graph, recipe));
    if (!options.output.empty()) {
      require_other_file(options.output, options, file);
      write_file_atomically(options.output, toml);
    }
    if (options.json()) {
      Json document = run_facts(options, clock);
      document["model"] = options.model;
      document["model_hash"] = file.hash;
      document["recipe"] = recipe.name;
      document["recipe_toml"] = toml;
      document["warnings"] = warnings;
      document["files"] = options.output.empty() ? Json::array() : Json::array({options.output});
      print_json(document);
    } else if (options.output.empty()) {
      std::printf("%s", toml.c_str());
    }
    return;
  }
  if (options.calib.empty()) throw Error("quantize needs --calib: images, or a calibration file", ErrorKind::usage);
  if (!cache.empty() && names_calibration(options)) {
    throw Error(fmt::format("--calib-cache is for images; --calib names the calibration '{}'", options.calib),
                ErrorKind::usage);
  }
  const std::string output = options.output.empty()
                                 ? std::filesystem::path(options.model).stem().string() + "-" + recipe.name + ".bsv"
                                 : options.output;
  const std::string recipe_file = std::filesystem::path(output).replace_extension(".recipe.toml").string();
  std::vector<std::string> files{output};
  // Into a device or a pipe goes the model alone.
  if (const auto there = std::filesystem::status(output).type();
      there == std::filesystem::file_type::not_found || there == std::filesystem::file_type::regular) {
    files.push_back(recipe_file);
  }
  for (const std::string& path : files) require_other_file(path, options, file, {cache});
  if (names_calibration(options) && (needs_images(recipe) || options.has_budget())) {
    throw Error(
        fmt::format("recipe '{}' needs images besides the calibration file: give them with --calib, and the file "
                    "as --calib-cache",
                    recipe.name),
        ErrorKind::usage);
  }
  const CalibrationSource source = obtain_calibration(file, options, cache);
  if (options.has_budget()) recipe = spend(recipe, file, source, options);
  CompressInput input = source.input(file.graph, options);
  CompressResult result;
  {
    Progress progress("quantizing", 0);
    input.progress = [&](std::string_view step, std::int64_t done, std::int64_t of) {
      progress.set(std::string(step), done, of);
    };
    result = compress(input, recipe);
  }
  for (const std::string& line : result.warnings) warn(options, line);
  if (options.strict) require_asked_precision(result.model, recipe);
  const std::string bytes = pack(file, result.model, recipe, source.calibration);
  write_file_atomically(output, bytes);
  if (files.size() > 1) write_file_atomically(recipe_file, to_toml(resolved(file.graph, recipe)));
  const Json layers = layers_json(result.model);
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["data_hash"] = source.calibration.data_hash;
    document["recipe"] = recipe.name;
    document["model_bytes"] = bytes.size();
    document["avg_bits_per_weight"] = avg_bits_per_weight(result.model);
    document["avg_act_bits"] = avg_act_bits(result.model);
    document["avg_shifts"] = avg_shifts(result.model);
    document["layers"] = layers;
    document["warnings"] = result.warnings;
    document["files"] = files;
    return print_json(document);
  }
  Table table({"<layer", "<operator", "<weights", "<activations", "MACs", "shifts", "bits/weight"});
  for (const Json& row : layers) {
    table.add({row["name"].get<std::string>(), row["op"].get<std::string>(), row["weight_code"].get<std::string>(),
               row["act_code"].get<std::string>() + (row["signed"].get<bool>() ? ", signed" : ""),
               fmt::format("{}", row["macs"].get<long long>()), fmt::format("{:.2f}", row["shifts"].get<double>()),
               fmt::format("{:.2f}", row["bits_per_weight"].get<double>())});
  }
  table.print();
  if (result.rounding)
    std::printf("\nrounding: %zu layers learned on %lld images\n", result.rounding->layers.size(),
                static_cast<long long>(result.rounding->images));
  if (result.repair)
    std::printf("\nrepair: %zu layers matched on %lld images\n", result.repair->layers.size(),
                static_cast<long long>(result.repair->images));
  std::printf(
      "\nwritten: %s (%zu bytes, %.2f bits and %.2f shifts per weight; the ONNX file has %lld bytes)%s\n"
      "next: bitsieve eval %s --data KIND:PATH\n",
      output.c_str(), bytes.size(), avg_bits_per_weight(result.model), avg_shifts(result.model),
      static_cast<long long>(file.bytes), files.size() > 1 ? (", " + recipe_file).c_str() : "", output.c_str());
}

}  // namespace

void add_quantize(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<QuantizeOptions>();
  options->command = command;
  add_model(app, *options, "ONNX file");
  add_calibration(app, *options, false);
  add_threads(app, *options);
  add_output(app, *options, "file to write (default: MODEL-RECIPE.bsv here)");
  add_recipe(app, *options);
  app.add_option("--calib-cache", options->cache, "calibration file to reuse, or to write");
  auto* shifts =
      app.add_option("--avg-shifts", options->budget.avg_shifts,
                     "SWIS: at most so many shifts a weight on average (all layers, by MACs), spent by measured error")
          ->check(within(1.0, 7.0));
  app.add_option("--target-bpw", options->budget.bits_per_weight,
                 "SWIS: at most so many stored bits a weight (all layers, everything counted), spent likewise")
      ->check(within(1.0, 32.0))
      ->excludes(shifts);
  app.add_flag("--dry-run", options->dry_run, "write the resolved recipe, do nothing else");
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
