// bitsieve analyze: the error of every layer, this layer alone and accumulated, worst first, with the likely cause.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/calibration_source.h"
#include "cli/packing.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "eval/analysis.h"
#include "eval/causes.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

Json to_json(const LayerAnalysis& layer) {
  return {{"name", layer.name},
          {"op", op_name(layer.op)},
          {"weight_code", layer.weight_code},
          {"act_code", layer.act_code},
          {"macs", layer.macs},
          {"alone_db", number(layer.alone_db)},
          {"accumulated_db", number(layer.accumulated_db)},
          {"scores_db", number(layer.scores_db)},
          {"noise",
           {{"input", layer.parts.input},
            {"weights", layer.parts.weights},
            {"window", layer.parts.window},
            {"output", layer.parts.output}}},
          {"input_saturated", layer.input.saturated},
          {"input_small", layer.input.small},
          {"input_zeros", layer.input.zeros},
          {"window_changed", layer.window_changed},
          {"window_loss", layer.window_loss},
          {"cause", find_cause(layer).cause},
          {"advice", likely_cause(layer)}};
}

void run(const Options& options, std::int64_t count, bool every_node) {
  const Stopwatch clock;
  const ModelFile file = load_float_model(options.model, options, "analyze");
  Recipe recipe = recipe_from(options);
  // A repaired layer makes up for what it inherits: its error alone would count that against it.
  const bool repaired = recipe.repair != Repair::none;
  recipe.repair = Repair::none;
  const CalibrationSource source = obtain_calibration(file, options, "");
  const CompressResult result = compress(source.input(file.graph, options), recipe);
  for (const std::string& line : result.warnings) warn(options, line);
  if (options.strict) require_asked_precision(result.model, recipe);
  std::unique_ptr<Images> own;
  if (!options.data.empty()) {
    own = std::make_unique<Images>(options.data, false, file.preprocessing, file.input(), count, options.seed);
    warn_of_default_preprocessing(options, file, *own);
  } else if (!source.images) {
    throw Error("analyze needs images: --data, or --calib with images", ErrorKind::usage);
  }
  ImageSet images = own ? own->set() : source.images->set();
  images.size = std::min(images.size, count);
  Graph target = file.graph;
  if (recipe.equalize) equalize(target);
  ModelAnalysis analysis;
  {
    Progress progress("analyzing", images.size);
    AnalyzeOptions how;
    how.threads = options.threads;
    how.progress = [&](std::int64_t done) { progress.set(done); };
    analysis = analyze(result.model, float_model(target), images, how);
  }
  const std::vector<int> order = worst_first(analysis, every_node);
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["data_hash"] = own ? own->hash() : source.calibration.data_hash;
    document["recipe"] = recipe.name;
    document["images"] = analysis.images;
    for (const int i : order) document["layers"].push_back(to_json(analysis.nodes[static_cast<std::size_t>(i)]));
    return print_json(document);
  }
  std::printf(
      "%s, recipe %s, %lld images%s; signal to noise in dB: this layer alone, what has accumulated,\n"
      "and the scores where only this layer errs; worst for the scores first\n\n",
      options.model.c_str(), recipe.name.c_str(), static_cast<long long>(analysis.images),
      repaired ? ", before repair" : "");
  Table table({"<layer", "<codes", "alone", "accum.", "scores", "<likely cause"});
  for (const int i : order) {
    const LayerAnalysis& layer = analysis.nodes[static_cast<std::size_t>(i)];
    const std::string codes = layer.has_weights() ? layer.weight_code + " x " + layer.act_code : op_name(layer.op);
    table.add({layer.name, codes, fmt::format("{:.1f}", layer.alone_db), fmt::format("{:.1f}", layer.accumulated_db),
               fmt::format("{:.1f}", layer.scores_db), likely_cause(layer)});
  }
  table.print();
}

}  // namespace

void add_analyze(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto count = std::make_shared<std::int64_t>(64);
  auto every_node = std::make_shared<bool>(false);
  options->command = command;
  add_model(app, *options, "ONNX file");
  add_calibration(app, *options);
  app.add_option("--data", options->data, "analyze on these images (default: the calibration images)");
  app.add_option("--limit", *count, "images to analyze on")->check(at_least(1))->capture_default_str();
  app.add_flag("--all", *every_node, "every node, not only those with weights");
  add_threads(app, *options);
  add_recipe(app, *options);
  app.callback([=] { run(*options, *count, *every_node); });
}

}  // namespace bitsieve::cli
