// bitsieve bench: time of one image at a time, layer by layer.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>

#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() / 2];
}

void run(Options options, int runs) {
  const Stopwatch clock;
  options.threads = std::max(options.threads, 1);
  const ModelFile file = load_model(options.model, options);
  const QuantizedModel model = file.packed ? file.packed->model : float_model(file.graph);
  ExecutorOptions how;
  how.reference = options.plain;
  how.threads = options.threads;
  const Executor executor(model, how);
  Executor::Workspace workspace;
  std::vector<float> image(static_cast<std::size_t>(element_count(file.input()))), scores;
  std::mt19937 random(static_cast<unsigned>(options.seed));  // raw values: std distributions differ between libraries
  for (float& x : image) x = static_cast<float>(random() % 2001) / 1000 - 1;
  std::vector<double> whole;
  std::vector<std::vector<double>> by_node(model.graph.nodes.size());
  for (int r = -2; r < runs; ++r) {  // two runs to warm up
    const Stopwatch total;
    executor.run(image, workspace, scores);
    if (r >= 0) whole.push_back(total.seconds());
  }
  std::vector<double> seconds_of(model.graph.nodes.size());
  for (int r = -1; r < runs; ++r) {
    std::fill(seconds_of.begin(), seconds_of.end(), 0.0);
    executor.run_timed(image, workspace, scores, seconds_of);
    for (std::size_t i = 0; r >= 0 && i < by_node.size(); ++i) by_node[i].push_back(seconds_of[i]);
  }
  const double total = median(whole);
  double work = 0;
  Json layers = Json::array();
  if (!options.json())
    std::printf("%-36s %-12s %-22s %9s %6s %9s\n", "node", "operator", "codes", "us", "share", "GOP/s");
  double sum = 0;
  for (const auto& times : by_node) sum += median(times);
  for (std::size_t i = 0; i < by_node.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    const LayerCode& layer = model.layers[i];
    const double seconds = median(by_node[i]), ops = 2.0 * static_cast<double>(macs(model.graph, node));
    work += ops;
    const bool weights = node.op == Op::conv || node.op == Op::linear;
    const std::string codes = weights         ? layer.weight_code + " x " + layer.act_code
                              : layer.integer ? "integer"
                                              : "float";
    layers.push_back({{"name", node.name},
                      {"op", op_name(node.op)},
                      {"codes", codes},
                      {"seconds", seconds},
                      {"gops", seconds > 0 ? ops / seconds / 1e9 : 0},
                      {"kernel", executor.kernel(static_cast<int>(i))}});
    if (!options.json()) {
      std::printf("%-36s %-12s %-22s %9.1f %5.1f%% %9.1f  %s\n", node.name.c_str(), op_name(node.op), codes.c_str(),
                  1e6 * seconds, sum > 0 ? 100 * seconds / sum : 0, seconds > 0 ? ops / seconds / 1e9 : 0,
                  executor.kernel(static_cast<int>(i)).c_str());
    }
  }
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["seconds"] = total;
    document["images_per_second"] = total > 0 ? 1 / total : 0;
    document["arena_bytes"] = executor.arena_bytes();
    document["gops"] = total > 0 ? work / total / 1e9 : 0;
    document["layers"] = layers;
    return print_json(document);
  }
  std::printf("\n%.3f ms per image (median of %d), %.1f images/s, %.1f GOP/s, %d thread%s, %zu bytes of arena\n",
              1e3 * total, runs, total > 0 ? 1 / total : 0, total > 0 ? work / total / 1e9 : 0, how.threads,
              how.threads == 1 ? "" : "s", executor.arena_bytes());
}

}  // namespace

void add_bench(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto runs = std::make_shared<int>(50);
  options->command = command;
  add_model(app, *options);
  add_threads(app, *options, "threads of one image (default: 1)");
  app.add_option("--runs", *runs, "timed runs")->check(at_least(1, INT32_MAX))->capture_default_str();
  app.add_flag("--plain", options->plain, "the plain executor instead of the fast one");
  app.callback([options, runs] { run(*options, *runs); });
}

}  // namespace bitsieve::cli
