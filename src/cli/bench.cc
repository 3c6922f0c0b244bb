// bitsieve bench: time of one image at a time, layer by layer.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "kernels/peak/bandwidth.h"
#include "kernels/peak/peak.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

struct BenchOptions : Options {
  int runs = 50;
  std::string compare;     // JSON of another run
  bool bandwidth = false;  // measure it
};

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() / 2];
}

// Of the whole program so far.
double peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

// Seconds of an earlier run: of an image, and of each node by its name.
struct Earlier {
  double seconds = 0;
  std::map<std::string, double> layers;
};

Earlier load_earlier(const std::string& path) {
  Earlier earlier;
  try {
    const Json document = Json::parse(read_file(path, std::int64_t{1} << 26));
    earlier.seconds = document.at("seconds").get<double>();
    for (const Json& layer : document.at("layers"))
      earlier.layers[layer.at("name").get<std::string>()] = layer.at("seconds").get<double>();
  } catch (const nlohmann::json::exception&) {
    fail("--compare: '{}' is not what bitsieve bench --format json prints", path);
  }
  return earlier;
}

struct Measured {
  double seconds = 0, gops = 0;  // of an image
  std::vector<double> nodes;     // seconds
};

Measured measure(const QuantizedModel& model, const Executor& executor, const BenchOptions& options) {
  Executor::Workspace workspace;
  std::vector<float> image(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input)))), scores;
  std::mt19937 random(static_cast<unsigned>(options.seed));  // raw values: std distributions differ between libraries
  for (float& x : image) x = static_cast<float>(random() % 2001) / 1000 - 1;
  std::vector<double> whole;
  std::vector<std::vector<double>> by_node(model.graph.nodes.size());
  for (int r = -2; r < options.runs; ++r) {  // two runs to warm up
    const Stopwatch total;
    executor.run(image, workspace, scores);
    if (r >= 0) whole.push_back(total.seconds());
  }
  std::vector<double> seconds_of(model.graph.nodes.size());
  for (int r = -1; r < options.runs; ++r) {
    std::fill(seconds_of.begin(), seconds_of.end(), 0.0);
    executor.run_timed(image, workspace, scores, seconds_of);
    for (std::size_t i = 0; r >= 0 && i < by_node.size(); ++i) by_node[i].push_back(seconds_of[i]);
  }
  Measured result{median(whole), 0, {}};
  for (std::size_t i = 0; i < by_node.size(); ++i) {
    result.nodes.push_back(median(by_node[i]));
    result.gops += 2e-9 * static_cast<double>(macs(model.graph, model.graph.nodes[i])) / result.seconds;
  }
  return result;
}

// What layers have in common that run alike: "conv 3x3", "conv 7x7 of 3 channels", "depthwise 3x3 / 2", "linear",
// "add".
std::string kind_of(const Graph& graph, const Node& node) {
  if (node.op != Op::conv) return op_name(node.op);
  const Window& w = node.attributes.window;
  const std::int64_t channels = graph.shape(node.inputs[0]).at(0);
  const bool depthwise = w.groups > 1 && w.groups == channels;
  return fmt::format("{} {}x{}{}{}",
                     depthwise      ? "depthwise"
                     : w.groups > 1 ? "grouped conv"
                                    : "conv",
                     w.kernel[0], w.kernel[1],
                     channels < 8 && !depthwise ? fmt::format(" of {} channels", channels) : "",
                     w.stride[0] > 1 ? fmt::format(" / {}", w.stride[0]) : "");
}

// That a node reads and writes at least: its values once, its weights and what goes with each filter.
double bytes_of(const QuantizedModel& model, std::size_t i) {
  const Node& node = model.graph.nodes[i];
  const auto of = [&](ValueId id) {
    const bool real = model.values[static_cast<std::size_t>(id)].type == DType::f32;
    return static_cast<double>(element_count(model.graph.shape(id))) * (real ? 4 : 1);
  };
  double bytes = of(node.output);
  for (const ValueId id : node.inputs) bytes += of(id);
  const LayerCode& layer = model.layers[i];
  if (!layer.integer) {
    for (const Tensor& t : node.params) bytes += 4.0 * static_cast<double>(t.size());
  }
  return bytes + static_cast<double>(layer.weight.size()) + 8.0 * static_cast<double>(layer.weight_scale.size());
}

Json layers_of(const QuantizedModel& model, const Executor& executor, const Measured& measured, double peak_gops,
               const std::optional<Earlier>& earlier) {
  Json layers = Json::array();
  for (std::size_t i = 0; i < measured.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    const LayerCode& layer = model.layers[i];
    const double seconds = measured.nodes[i], ops = 2.0 * static_cast<double>(macs(model.graph, node)),
                 gops = seconds > 0 ? ops / seconds / 1e9 : 0;
    Json row = {{"name", node.name},
                {"op", op_name(node.op)},
                {"kind", kind_of(model.graph, node)},
                {"macs", macs(model.graph, node)},
                {"bytes", bytes_of(model, i)},
                {"codes", has_weights(node) ? layer.weight_code + " x " + layer.act_code
                          : layer.integer   ? "integer"
                                            : "float"},
                {"seconds", seconds},
                {"gops", gops}};
    row["peak_share"] = layer.integer && peak_gops > 0 ? number(gops / peak_gops) : Json();
    row["kernel"] = executor.kernel(static_cast<int>(i));
    row["remark"] = executor.remark(static_cast<int>(i));
    if (earlier) {
      const auto found = earlier->layers.find(node.name);
      row["speedup"] = found == earlier->layers.end() || !(seconds > 0) ? Json() : number(found->second / seconds);
    }
    layers.push_back(std::move(row));
  }
  return layers;
}

void print_layers(const Json& layers, bool compared) {
  double sum = 0;
  for (const Json& row : layers) sum += row["seconds"].get<double>();
  std::printf("%-36s %-12s %-22s %9s %6s %9s %6s%s  kernel\n", "node", "operator", "codes", "us", "share", "GOP/s",
              "peak", compared ? " faster" : "");
  std::vector<std::pair<std::string, int>> remarks;
  for (const Json& row : layers) {
    const double seconds = row["seconds"].get<double>();
    const std::string peak = row["peak_share"].is_null() || row["gops"] == 0
                                 ? ""
                                 : fmt::format("{:.0f}%", 100 * row["peak_share"].get<double>());
    const std::string faster = !compared                  ? ""
                               : row["speedup"].is_null() ? "      -"
                                                          : fmt::format("{:>6.2f}x", row["speedup"].get<double>());
    std::printf("%-36s %-12s %-22s %9.1f %5.1f%% %9.1f %6s%s  %s\n", row["name"].get<std::string>().c_str(),
                row["op"].get<std::string>().c_str(), row["codes"].get<std::string>().c_str(), 1e6 * seconds,
                sum > 0 ? 100 * seconds / sum : 0, row["gops"].get<double>(), peak.c_str(), faster.c_str(),
                row["kernel"].get<std::string>().c_str());
    const auto remark = row["remark"].get<std::string>();
    if (remark.empty()) continue;
    const auto known = std::find_if(remarks.begin(), remarks.end(), [&](const auto& r) { return r.first == remark; });
    if (known == remarks.end())
      remarks.emplace_back(remark, 1);
    else
      ++known->second;
  }
  if (!remarks.empty()) std::printf("\nwhy nothing faster:\n");
  for (const auto& [remark, count] : remarks)
    std::printf("  %d node%s: %s\n", count, count == 1 ? "" : "s", remark.c_str());
}

void run(BenchOptions options) {
  const Stopwatch clock;
  options.threads = std::max(options.threads, 1);
  if (options.bandwidth && !options.json()) throw Error("--bandwidth needs --format json", ErrorKind::usage);
  const ModelFile file = load_model(options.model, options);
  const double load_seconds = clock.seconds();
  std::optional<Earlier> earlier;
  if (!options.compare.empty()) earlier = load_earlier(options.compare);
  const QuantizedModel model = file.packed ? file.packed->model : float_model(file.graph);
  ExecutorOptions how;
  how.reference = options.plain;
  how.threads = options.threads;
  const Stopwatch preparation;
  const Executor executor(model, how);
  const double prepare_seconds = preparation.seconds();
  const Measured measured = measure(model, executor, options);
  const double memory = peak_memory_bytes();
  const Int8Peak one = int8_peak();
  const double peak = 1e-9 * one.fastest * options.threads, total = measured.seconds;
  const Json layers = layers_of(model, executor, measured, peak, earlier);
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["seconds"] = total;
    document["images_per_second"] = total > 0 ? 1 / total : 0;
    document["load_seconds"] = load_seconds;
    document["prepare_seconds"] = prepare_seconds;
    document["arena_bytes"] = executor.arena_bytes();
    document["peak_memory_bytes"] = memory;
    document["gops"] = measured.gops;
    document["peak_int8_gops"] = peak;
    if (options.bandwidth) {
      const ReadBandwidth bandwidth = read_bandwidth();
      document["second_cache_bytes_per_second"] = bandwidth.second_cache;
      document["memory_bytes_per_second"] = bandwidth.memory;
    }
    if (earlier) document["speedup"] = total > 0 ? number(earlier->seconds / total) : Json();
    document["layers"] = layers;
    return print_json(document);
  }
  print_layers(layers, earlier.has_value());
  std::printf(
      "\n%.3f ms per image (median of %d), %.1f images/s, %.1f GOP/s, %d thread%s, %zu bytes of arena, %.0f MB of "
      "memory at most\n",
      1e3 * total, options.runs, total > 0 ? 1 / total : 0, measured.gops, how.threads, how.threads == 1 ? "" : "s",
      executor.arena_bytes(), memory / 1e6);
  std::printf("loaded in %.1f ms, weights packed in %.1f ms\n", 1e3 * load_seconds, 1e3 * prepare_seconds);
  if (peak > 0)
    std::printf("peak: %.0f GOP/s of 8-bit multiply-adds%s\n", peak,
                one.fastest > 1.01 * one.widened
                    ? fmt::format(", {:.0f} of those widened to 16 bits", 1e-9 * one.widened * options.threads).c_str()
                    : "");
  if (earlier) std::printf("%.2f times as fast as in '%s'\n", earlier->seconds / total, options.compare.c_str());
}

}  // namespace

void add_bench(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<BenchOptions>();
  options->command = command;
  add_model(app, *options);
  add_threads(app, *options, "threads of one image (default: 1)");
  app.add_option("--runs", options->runs, "timed runs")->check(at_least(1, INT32_MAX))->capture_default_str();
  app.add_flag(
      "--bandwidth", options->bandwidth,
      "measure as well how fast one thread reads from the second cache and from memory (JSON); takes half a gigabyte");
  app.add_option("--compare", options->compare,
                 "what an earlier run printed with --format json: how much faster this one is");
  app.add_flag("--plain", options->plain, "the plain executor instead of the fast one");
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
