// Bitsieve beside ONNX Runtime on one network: median times of alternating runs in one process.
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "export/qdq.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "kernels/peak/peak.h"
#include "methods/methods.h"
#include "pack/bsv.h"
#include "peers/ort.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve::bench {
namespace {

struct Settings {
  std::string model, ort, activations = "sparq-5opt-round", weights = "swis-n3-m4", write_qdq, write_optimized, profile,
                          isa;
  int threads = 1, batch = 1;
  double seconds = 5;
  std::string write_bsv;
  bool float_too = false, layers = false, json = false;
};

using Clock = std::chrono::steady_clock;

// Time of this thread alone where it does all the work, so that other programs on the machine count less; else time.
double now(int threads) {
  if (threads > 1) return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() / 2];
}

// Of a file name.
std::string shown(std::string path) { return path.substr(path.rfind('/') + 1); }

// One way of running the network.
struct Runner {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};  // the least time of each block
};

// Blocks of runs in turn, so that a machine that is slow for a while is slow for all. A pause before each block lets
// waiting threads of the one before go to sleep; the first runs of a block only warm up. Of a block the least time
// counts: what disturbs a run only makes it longer.
void alternate(std::vector<Runner>& runners, double seconds, int threads) {
  constexpr auto warm = std::chrono::milliseconds(20), block = std::chrono::milliseconds(60);
  const auto start = Clock::now();
  do {
    for (Runner& runner : runners) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const auto begin = Clock::now();
      for (int i = 0; i < 3 && (i == 0 || Clock::now() - begin < warm); ++i) runner.run();
      const auto timed = Clock::now();
      double least = INFINITY;
      do {
        const double before = now(threads);
        runner.run();
        least = std::min(least, now(threads) - before);
      } while (Clock::now() - timed < block);
      runner.seconds.push_back(least);
    }
  } while (Clock::now() - start < std::chrono::duration<double>(seconds));
}

// Random pictures with smooth and rough parts; the same on every machine.
void picture(std::int64_t index, std::span<float> out) {
  std::mt19937 random(static_cast<unsigned>(index) + 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double noise = static_cast<double>(random()) / 2147483648.0 - 1;
    out[i] =
        static_cast<float>(0.6 * std::sin(0.02 * static_cast<double>(i) + static_cast<double>(index)) + 0.9 * noise);
  }
}

// (H, W, C) to (C, H, W).
std::vector<float> channel_first(const std::vector<float>& x, const Shape& shape) {
  if (shape.size() != 3) return x;
  std::vector<float> y(x.size());
  const std::int64_t channels = shape[0], plane = shape[1] * shape[2];
  for (std::int64_t p = 0; p < plane; ++p) {
    for (std::int64_t c = 0; c < channels; ++c)
      y[static_cast<std::size_t>(c * plane + p)] = x[static_cast<std::size_t>(p * channels + c)];
  }
  return y;
}

// A model of ours with all it needs to run a batch: threads share one image, or images where there are several.
class Ours {
 public:
  Ours(QuantizedModel model, Isa isa, const Settings& settings)
      : model_(std::move(model)),
        executor_(model_, {.isa = isa, .threads = settings.batch == 1 ? settings.threads : 1}),
        workspaces_(static_cast<std::size_t>(settings.threads)),
        scores_(static_cast<std::size_t>(settings.batch)),
        threads_(settings.threads) {}

  void run(const std::vector<std::vector<float>>& images) {
    if (images.size() == 1 || threads_ == 1) {
      for (std::size_t i = 0; i < images.size(); ++i) executor_.run(images[i], workspaces_[0], scores_[i]);
      return;
    }
    parallel_for(static_cast<std::int64_t>(images.size()), threads_, [&](std::int64_t i, int worker) {
      executor_.run(images[static_cast<std::size_t>(i)], workspaces_[static_cast<std::size_t>(worker)],
                    scores_[static_cast<std::size_t>(i)]);
    });
  }

  const Executor& executor() const { return executor_; }
  std::vector<float> scores() const {
    std::vector<float> all;
    for (const auto& s : scores_) all.insert(all.end(), s.begin(), s.end());
    return all;
  }

 private:
  QuantizedModel model_;
  Executor executor_;
  std::vector<Executor::Workspace> workspaces_;
  std::vector<std::vector<float>> scores_;
  int threads_;
};

void print_layers(const Executor& int8, const Executor& sparq, const Graph& graph, std::span<const float> image) {
  const auto times = [&](const Executor& executor) {
    std::vector<double> best(graph.nodes.size(), 1e9);
    Executor::Workspace workspace;
    std::vector<float> scores;
    for (int i = 0; i < 60; ++i) {
      std::vector<double> one(graph.nodes.size());
      executor.run_timed(image, workspace, scores, one);
      for (std::size_t k = 0; k < one.size(); ++k) best[k] = std::min(best[k], one[k]);
    }
    return best;
  };
  const auto a = times(int8), b = times(sparq);
  double total = 0;
  for (const double t : a) total += t;
  fmt::print("\n{:<14}{:>16} {:>16}{:>8}{:>8}{:>9}{:>9}  {}\n", "layer (best)", "in", "out", "us", "share", "GOP/s",
             "coded", "kernel");
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Node& node = graph.nodes[i];
    fmt::print("{:<14}{:>16} {:>16}{:>8.1f}{:>7.1f}%{:>9.1f}{:>9.2f}  {}\n", op_name(node.op),
               to_string(graph.shape(node.inputs[0])), to_string(graph.shape(node.output)), 1e6 * a[i],
               100 * a[i] / total, 2e-9 * static_cast<double>(macs(graph, node)) / a[i], b[i] / a[i],
               sparq.kernel(static_cast<int>(i)));
  }
}

std::vector<std::string> names_of_levels() {
  std::vector<std::string> names;
  for (const Isa level : isas()) names.emplace_back(isa_name(level));
  return names;
}

Isa isa_of(const Settings& settings) {
  for (const Isa level : isas()) {
    if (settings.isa == isa_name(level)) return level;
  }
  return best_isa();
}

// Both compute the same integers up to how sums of two values and means are rounded; on processors without VNNI ONNX
// Runtime's saturate (docs/export.md), so there nothing is asked of them.
double largest_difference(const std::vector<float>& ours, const std::vector<float>& theirs) {
  double off = 0, largest = 0;
  for (std::size_t i = 0; i < ours.size() && i < theirs.size(); ++i) {
    off = std::max(off, static_cast<double>(std::abs(ours[i] - theirs[i])));
    largest = std::max(largest, static_cast<double>(std::abs(theirs[i])));
  }
  const double share = largest > 0 ? off / largest : 0;
  if (ours.size() != theirs.size() || (isa_supported(Isa::avx512vnni) && !(share <= 0.2)))
    fail("the two do not compute the same network: scores differ by {:.3g} of {:.3g}", off, largest);
  return share;
}

void run(const Settings& settings) {
  Graph graph = load_onnx(settings.model);
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  const QuantizedModel real = float_model(graph);
  const Calibration calibration = calibrate(real, 8, 0, picture);
  const auto quantized = [&](const std::string& weights, const std::string& activations) {
    Recipe recipe;
    recipe.layers.weight_code = weights;
    recipe.layers.act_code = activations;
    Graph pruned = graph;  // where the activations ask for it; times do not depend on which weights stay
    if (require_activation_code(activations).transform[0].two_of_four) prune_two_of_four(pruned);
    return quantize(pruned, calibration, recipe).model;
  };
  const QuantizedModel int8 = quantized("int8", "int8");
  const std::string qdq = write_qdq(int8, {.batch = settings.batch});
  if (!settings.write_qdq.empty()) write_file_atomically(settings.write_qdq, qdq);
  if (!settings.write_bsv.empty()) {
    PackedModel packed;
    packed.model = int8;
    save_bsv(settings.write_bsv, packed);
  }
  if (settings.ort.empty()) return;

  const Isa isa = isa_of(settings);
  std::vector<std::vector<float>> images(static_cast<std::size_t>(settings.batch));
  std::vector<float> peer_images;
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i].resize(static_cast<std::size_t>(element_count(graph.shape(graph.input))));
    picture(1000 + static_cast<std::int64_t>(i), images[i]);
    const std::vector<float> turned = channel_first(images[i], graph.shape(graph.input));
    peer_images.insert(peer_images.end(), turned.begin(), turned.end());
  }
  std::vector<std::int64_t> shape{settings.batch};
  for (const std::int64_t d : graph.shape(graph.input)) shape.push_back(d);

  const OrtLibrary library(settings.ort);
  std::vector<std::unique_ptr<Ours>> own;
  std::vector<std::unique_ptr<OrtSession>> peers;
  std::vector<Runner> runners;
  const auto add_ours = [&](const std::string& name, QuantizedModel model) {
    own.push_back(std::make_unique<Ours>(std::move(model), isa, settings));
    runners.push_back({"bitsieve " + name, [&images, ours = own.back().get()] { ours->run(images); }});
  };
  const auto add_peer = [&](const std::string& name, const std::string& bytes, bool spin) {
    peers.push_back(
        std::make_unique<OrtSession>(library, bytes,
                                     OrtOptions{.threads = settings.threads,
                                                .optimized_path = peers.empty() ? settings.write_optimized : "",
                                                .profile_prefix = peers.empty() ? settings.profile : "",
                                                .spin = spin}));
    peers.back()->bind(peer_images, shape);
    runners.push_back({"onnxruntime " + name, [peer = peers.back().get()] { peer->run(); }});
  };
  add_ours("int8", int8);
  add_ours(settings.activations, quantized("int8", settings.activations));
  add_ours(settings.weights, quantized(settings.weights, "int8"));
  add_peer("int8", qdq, false);
  if (settings.threads > 1) add_peer("int8 spinning", qdq, true);
  if (settings.float_too) {
    add_ours("float", real);
    const std::string bytes = read_file(settings.model);
    add_peer("float", bytes, false);
    if (settings.threads > 1) add_peer("float spinning", bytes, true);
  }
  alternate(runners, settings.seconds, settings.threads);

  double work = 0;
  for (const Node& node : graph.nodes) work += 2 * static_cast<double>(macs(graph, node)) * settings.batch;
  // The better one of ONNX Runtime's two.
  const auto find = [&](const std::string& name) -> const Runner& {
    const Runner* best = nullptr;
    for (const Runner& r : runners) {
      if (r.name != name && r.name != name + " spinning") continue;
      if (best == nullptr || median(r.seconds) < median(best->seconds)) best = &r;
    }
    return *best;
  };
  // Times of one over those of the other, block by block: what slows the machine for a while slows both.
  const auto ratio = [&](const std::string& a, const std::string& b) {
    const std::vector<double>&x = find(a).seconds, &y = find(b).seconds;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) ratios.push_back(x[i] / y[i]);
    return median(ratios);
  };
  const Int8Peak one = int8_peak();
  const double peak = one.fastest * settings.threads, widened = one.widened * settings.threads;
  const double off = largest_difference(own[0]->scores(), peers[0]->scores());
  const double int8_ratio = ratio("onnxruntime int8", "bitsieve int8"),
               coded_ratio = ratio("bitsieve int8", "bitsieve " + settings.activations),
               weights_ratio = ratio("bitsieve int8", "bitsieve " + settings.weights),
               float_ratio = settings.float_too ? ratio("onnxruntime float", "bitsieve float") : 0;
  if (settings.json) {
    nlohmann::ordered_json document{{"model", shown(settings.model)},
                                    {"mega_macs", work / 2e6 / settings.batch},
                                    {"threads", settings.threads},
                                    {"batch", settings.batch},
                                    {"isa", isa_name(isa)},
                                    {"onnxruntime", library.version()},
                                    {"peak_gops", peak * 1e-9},
                                    {"peak_widened_gops", widened * 1e-9},
                                    {"scores_differ", off}};
    for (const Runner& r : runners)
      document["runs"].push_back({{"name", r.name},
                                  {"median_ms", 1e3 * median(r.seconds)},
                                  {"best_ms", 1e3 * *std::min_element(r.seconds.begin(), r.seconds.end())},
                                  {"count", r.seconds.size()}});
    document["speed"] = {{"int8 over onnxruntime", int8_ratio},
                         {settings.activations + " over int8", coded_ratio},
                         {settings.weights + " over int8", weights_ratio}};
    if (settings.float_too) document["speed"]["float over onnxruntime"] = float_ratio;
    fmt::print("{}\n", document.dump(1));
    return;
  }
  fmt::print("{}: {:.1f} million multiply-adds, batch {}, {}, {}; ONNX Runtime {}\n", settings.model,
             work / 2e6 / settings.batch, settings.batch,
             settings.threads == 1 ? "1 thread (processor time)" : fmt::format("{} threads", settings.threads),
             isa_name(isa), library.version());
  for (const Runner& r : runners) {
    const double t = median(r.seconds), best = *std::min_element(r.seconds.begin(), r.seconds.end());
    fmt::print("  {:<28}{:>9.3f} ms median {:>9.3f} ms best {:>8.1f} GOP/s", r.name, 1e3 * t, 1e3 * best,
               1e-9 * work / t);
    if (peak > 0) fmt::print(" {:>5.1f} % of {:.0f} peak", 100 * work / t / peak, 1e-9 * peak);
    fmt::print("\n");
  }
  if (widened < peak) fmt::print("  peak of numbers widened to 16 bits: {:.0f} GOP/s\n", 1e-9 * widened);
  fmt::print("  speed: int8 {:.2f} of ONNX Runtime's; {} {:.3f} and {} {:.3f} of int8's", int8_ratio,
             settings.activations, coded_ratio, settings.weights, weights_ratio);
  if (settings.float_too) fmt::print("; float {:.2f} of ONNX Runtime's", float_ratio);
  fmt::print("\n  scores differ by at most {:.2f} % of the largest\n", 100 * off);
  if (settings.layers) print_layers(own[0]->executor(), own[1]->executor(), graph, images[0]);
}

}  // namespace
}  // namespace bitsieve::bench

int main(int argc, char** argv) {
  bitsieve::bench::Settings settings;
  CLI::App app{"Times a network in Bitsieve and in ONNX Runtime"};
  app.add_option("model", settings.model, "float network, .onnx")->required();
  app.add_option("--ort", settings.ort,
                 "libonnxruntime.so of the peer (tools/onnxruntime.sh); without it only --write-qdq is done");
  app.add_option("--threads", settings.threads, "threads of one image, or of a batch")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--batch", settings.batch, "images at a time")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--activations", settings.activations, "activation code to compare with INT8")->capture_default_str();
  app.add_option("--weights", settings.weights, "weight code to compare with INT8")->capture_default_str();
  app.add_option("--isa", settings.isa, "kernels of Bitsieve")
      ->check(CLI::IsMember(bitsieve::bench::names_of_levels()));
  app.add_option("--seconds", settings.seconds, "how long to measure")->capture_default_str();
  app.add_option("--write-qdq", settings.write_qdq, "write the INT8 network that the peer runs");
  app.add_option("--write-bsv", settings.write_bsv, "write the INT8 network as a packed model");
  app.add_option("--write-optimized", settings.write_optimized, "write the graph the peer makes of it");
  app.add_option("--profile", settings.profile, "write the peer's own profile to files that start so (slows it down)");
  app.add_flag("--float", settings.float_too, "the float network as well");
  app.add_flag("--layers", settings.layers, "time of every layer");
  app.add_flag("--json", settings.json, "one JSON document");
  CLI11_PARSE(app, argc, argv);
  try {
    bitsieve::bench::run(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
