// bitsieve quantize: model + calibration + recipe -> packed model.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/calibration_source.h"
#include "cli/packing.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/verbs.h"

namespace bitsieve::cli {
namespace {

void run(const Options& options, const std::string& cache) {
  const Stopwatch clock;
  const ModelFile file = load_float_model(options.model, options, "quantize");
  const Recipe recipe = recipe_from(options);
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
  if (names_calibration(options) && needs_images(recipe)) {
    throw Error(
        fmt::format("recipe '{}' needs images besides the calibration file: give them with --calib, and the file "
                    "as --calib-cache",
                    recipe.name),
        ErrorKind::usage);
  }
  const CalibrationSource source = obtain_calibration(file, options, cache);
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
    document["layers"] = layers;
    document["warnings"] = result.warnings;
    document["files"] = files;
    return print_json(document);
  }
  std::printf("%-36s %-8s %-12s %-30s %12s %10s\n", "layer", "operator", "weights", "activations", "MACs",
              "bits/weight");
  for (const Json& row : layers) {
    std::printf("%-36s %-8s %-12s %-30s %12lld %10.2f\n", row["name"].get<std::string>().c_str(),
                row["op"].get<std::string>().c_str(), row["weight_code"].get<std::string>().c_str(),
                (row["act_code"].get<std::string>() + (row["signed"].get<bool>() ? ", signed" : "")).c_str(),
                row["macs"].get<long long>(), row["bits_per_weight"].get<double>());
  }
  if (result.rounding)
    std::printf("\nrounding: %zu layers learned on %lld images\n", result.rounding->layers.size(),
                static_cast<long long>(result.rounding->images));
  if (result.repair)
    std::printf("\nrepair: %zu layers matched on %lld images\n", result.repair->layers.size(),
                static_cast<long long>(result.repair->images));
  std::printf(
      "\nwritten: %s (%zu bytes, %.2f bits per weight; the ONNX file has %lld bytes)%s\n"
      "next: bitsieve eval %s --data KIND:PATH\n",
      output.c_str(), bytes.size(), avg_bits_per_weight(result.model), static_cast<long long>(file.bytes),
      files.size() > 1 ? (", " + recipe_file).c_str() : "", output.c_str());
}

}  // namespace

void add_quantize(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto cache = std::make_shared<std::string>();
  options->command = command;
  add_model(app, *options, "ONNX file");
  add_calibration(app, *options, false);
  add_threads(app, *options);
  add_output(app, *options, "file to write (default: MODEL-RECIPE.bsv here)");
  add_recipe(app, *options);
  app.add_option("--calib-cache", *cache, "calibration file to reuse, or to write");
  app.add_flag("--dry-run", options->dry_run, "write the resolved recipe, do nothing else");
  app.callback([options, cache] { run(*options, *cache); });
}

}  // namespace bitsieve::cli
