// bitsieve auto: the whole way over many recipes, one table.
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "cli/common.h"
#include "compress/quantize.h"
#include "methods/methods.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

struct Point {
  std::string recipe;
  Evaluation result;
  double drop = 0, agreement = 0, sqnr = 0, weight_bits = 32;
  double act_bits = 32;
};

// Stored bits per weight: codes, and one float32 scale and one int32 bias per filter. Float layers count 32.
double bits_per_weight(const QuantizedModel& model) {
  double bits = 0, weights = 0;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    if (node.op != Op::conv && node.op != Op::linear) continue;
    const double n = static_cast<double>(node.weight().size());
    const LayerCode& layer = model.layers[i];
    weights += n;
    bits += layer.integer ? n * layer.weight_bits + 64.0 * static_cast<double>(layer.bias.size()) : n * 32;
  }
  return weights > 0 ? bits / weights : 0;
}

std::vector<Recipe> recipes() {
  std::vector<Recipe> list(1);
  list[0].name = "int8";
  for (const char* option : {"5opt", "3opt", "2opt", "6opt", "7opt"}) {
    for (const char* rest : {"round", "trim", "round-novs", "trim-novs"}) {
      Recipe recipe;
      recipe.name = recipe.layers.act_code = fmt::format("sparq-{}-{}", option, rest);
      list.push_back(recipe);
    }
  }
  Recipe uniform;
  uniform.name = uniform.layers.act_code = "act4-uniform";
  list.push_back(uniform);
  Recipe a4w4;
  a4w4.name = "sparq-5opt-round-w4";
  a4w4.layers = {"int4", "sparq-5opt-round"};
  list.push_back(a4w4);
  return list;
}

void print_row(const Point& p) {
  const auto interval = wilson_interval(p.result.correct, p.result.count);
  std::printf("%-22s %6.2f  %5.1f-%-5.1f %6.2f %7.2f %7.1f %6.2f %6.0f\n", p.recipe.c_str(), p.result.top1(), interval[0],
              interval[1], p.drop, p.agreement, p.sqnr, p.weight_bits, p.result.images_per_second());
  std::fflush(stdout);
}

nlohmann::json to_json(const Point& p) {
  return {{"recipe", p.recipe}, {"top1", p.result.top1()}, {"top5", p.result.top5()},
          {"top1_ci95", wilson_interval(p.result.correct, p.result.count)}, {"count", p.result.count},
          {"correct", p.result.correct}, {"drop", p.drop}, {"agreement", p.agreement},
          {"logit_sqnr_db", std::isfinite(p.sqnr) ? nlohmann::json(p.sqnr) : nlohmann::json()},
          {"avg_bits_per_weight", p.weight_bits}, {"images_per_second", p.result.images_per_second()}};
}

void run(const CommonOptions& options, bool full) {
  const Graph graph = load_graph(options);
  const Preprocessing preprocessing = load_preprocessing(options);
  const auto data = open_dataset(options.data, true), images = open_dataset(options.calib, false);
  const std::int64_t count = full ? 0 : options.limit ? options.limit : 500;
  const Batch batch = load_batch(*data, preprocessing, graph.shape(graph.input), count, options.seed, options.threads);
  const bool json = json_wanted(options);
  Point reference{"float", evaluate(float_model(graph), batch, options.threads), 0, 100, INFINITY, 32, 32};
  nlohmann::json document{{"model", options.model}, {"seed", options.seed}, {"reference", to_json(reference)}};
  if (!json) {
    std::printf("%s: %zu of %lld images%s\n\n%-22s %6s  %-11s %6s %7s %7s %6s %6s\n", options.model.c_str(), batch.images.size(),
                static_cast<long long>(data->size()),
                count ? fmt::format(" (seed {}; --full takes all)", options.seed).c_str() : "", "recipe", "top-1", "95 %", "drop",
                "agree", "SQNR dB", "w bits", "img/s");
    print_row(reference);
  }
  const Calibration calibration = run_calibration(graph, *images, preprocessing, options);
  bool first = true;
  for (const Recipe& recipe : recipes()) {
    const QuantizeResult quantized = quantize(graph, calibration, recipe);
    if (first) {
      for (const std::string& warning : quantized.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
    }
    first = false;
    Point p{recipe.name, evaluate(quantized.model, batch, options.threads)};
    p.drop = reference.result.top1() - p.result.top1();
    p.agreement = agreement(reference.result.scores, p.result.scores);
    p.sqnr = logit_sqnr_db(reference.result.scores, p.result.scores);
    p.weight_bits = bits_per_weight(quantized.model);
    if (!json) print_row(p);
    document["points"].push_back(to_json(p));
  }
  if (json) std::printf("%s\n", document.dump(1).c_str());
}

}  // namespace

void add_auto(CLI::App& app) {
  auto* verb = app.add_subcommand("auto", "float check, INT8 and every SPARQ option: one table");
  auto options = std::make_shared<CommonOptions>();
  auto full = std::make_shared<bool>(false);
  add_model(*verb, *options);
  add_data(*verb, *options);
  add_calibration(*verb, *options);
  verb->add_flag("--full", *full, "evaluate on every image");
  verb->callback([=] { run(*options, *full); });
}

}  // namespace bitsieve::cli
