// Bitsieve beside ONNX Runtime on one network, one image at a time: median times of alternating runs in one process.
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "compress/quantize.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "peers/ort.h"
#include "peers/peak.h"
#include "peers/qdq.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve::bench {
namespace {

struct Settings {
  std::string model, ort, code = "sparq-5opt-round", write_qdq, write_optimized, profile, isa;
  int threads = 1;
  double seconds = 5;
  bool float_too = false, layers = false;
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

// One way of running the network.
struct Runner {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

// Blocks of runs in turn, so that a machine that is slow for a while is slow for all. A pause before each block lets
// waiting threads of the one before go to sleep; the first runs of a block only warm up.
void alternate(std::vector<Runner>& runners, double seconds, int threads) {
  const auto start = Clock::now();
  do {
    for (Runner& runner : runners) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const auto block = Clock::now();
      for (int i = 0; i < 3; ++i) runner.run();
      do {
        const double before = now(threads);
        runner.run();
        runner.seconds.push_back(now(threads) - before);
      } while (Clock::now() - block < std::chrono::milliseconds(60));
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
             "sparq", "kernel");
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Node& node = graph.nodes[i];
    fmt::print("{:<14}{:>16} {:>16}{:>8.1f}{:>7.1f}%{:>9.1f}{:>9.2f}  {}\n", op_name(node.op),
               to_string(graph.shape(node.inputs[0])), to_string(graph.shape(node.output)), 1e6 * a[i],
               100 * a[i] / total, 2e-9 * static_cast<double>(macs(graph, node)) / a[i], b[i] / a[i],
               sparq.kernel(static_cast<int>(i)));
  }
}

void run(const Settings& settings) {
  Graph graph = load_onnx(settings.model);
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  const QuantizedModel real = float_model(graph);
  const Calibration calibration = calibrate(real, 8, 0, picture);
  const QuantizedModel int8 = quantize(graph, calibration, {}).model;
  Recipe recipe;
  recipe.layers.act_code = settings.code;
  const QuantizedModel coded = quantize(graph, calibration, recipe).model;
  const std::string qdq = write_qdq(int8);
  if (!settings.write_qdq.empty()) write_file_atomically(settings.write_qdq, qdq);
  if (settings.ort.empty()) return;

  Isa isa = best_isa();
  for (const Isa level : {Isa::portable, Isa::avx2, Isa::avx512vnni}) {
    if (settings.isa == isa_name(level)) isa = level;
  }
  const ExecutorOptions options{.isa = isa, .threads = settings.threads};
  const Executor ours(int8, options), ours_coded(coded, options), ours_float(real, options);
  Executor::Workspace workspaces[3];
  std::vector<float> image(static_cast<std::size_t>(element_count(graph.shape(graph.input)))), scores, ignored;
  picture(1000, image);

  const OrtLibrary library(settings.ort);
  OrtSession peer(library, qdq, {settings.threads, settings.write_optimized, settings.profile});
  std::vector<float> peer_image = channel_first(image, graph.shape(graph.input));
  std::vector<std::int64_t> shape{1};
  for (const std::int64_t d : graph.shape(graph.input)) shape.push_back(d);
  peer.bind(peer_image, shape);

  std::vector<Runner> runners{{"bitsieve int8", [&] { ours.run(image, workspaces[0], scores); }},
                              {"bitsieve " + settings.code, [&] { ours_coded.run(image, workspaces[1], ignored); }},
                              {"onnxruntime int8", [&] { peer.run(); }}};
  std::unique_ptr<OrtSession> peer_float;
  if (settings.float_too) {
    peer_float =
        std::make_unique<OrtSession>(library, read_file(settings.model), OrtOptions{.threads = settings.threads});
    peer_float->bind(peer_image, shape);
    runners.push_back({"bitsieve float", [&] { ours_float.run(image, workspaces[2], ignored); }});
    runners.push_back({"onnxruntime float", [&] { peer_float->run(); }});
  }
  alternate(runners, settings.seconds, settings.threads);

  double work = 0;
  for (const Node& node : graph.nodes) work += 2 * static_cast<double>(macs(graph, node));
  const double peak = peak_int8_ops() * settings.threads;
  fmt::print("{}: {:.1f} million multiply-adds, {}, {}; ONNX Runtime {}\n", settings.model, work / 2e6,
             settings.threads == 1 ? "1 thread (processor time)" : fmt::format("{} threads", settings.threads),
             isa_name(isa), library.version());
  for (const Runner& r : runners) {
    const double t = median(r.seconds), best = *std::min_element(r.seconds.begin(), r.seconds.end());
    fmt::print("  {:<28}{:>9.3f} ms median {:>9.3f} ms best {:>8.1f} GOP/s", r.name, 1e3 * t, 1e3 * best,
               1e-9 * work / t);
    if (peak > 0) fmt::print(" {:>5.1f} % of {:.0f} peak", 100 * work / t / peak, 1e-9 * peak);
    fmt::print("\n");
  }
  const auto ratio = [&](std::size_t a, std::size_t b) {
    return median(runners[a].seconds) / median(runners[b].seconds);
  };
  fmt::print("  {} / onnxruntime int8 = {:.2f}; {} / int8 = {:.3f}", runners[0].name, ratio(0, 2), settings.code,
             ratio(1, 0));
  if (settings.float_too) fmt::print("; float / onnxruntime float = {:.2f}", ratio(3, 4));
  // Both compute the same integers up to how sums of two values and means are rounded.
  const std::vector<float> theirs = peer.scores();
  float off = 0, largest = 0;
  for (std::size_t i = 0; i < scores.size() && i < theirs.size(); ++i) {
    off = std::max(off, std::abs(scores[i] - theirs[i]));
    largest = std::max(largest, std::abs(theirs[i]));
  }
  fmt::print("\n  scores differ by at most {:.3g} of {:.3g}\n", off, largest);
  if (scores.size() != theirs.size() || !(off <= 0.2f * largest)) fail("the two do not compute the same network");
  if (settings.layers) print_layers(ours, ours_coded, graph, image);
}

}  // namespace
}  // namespace bitsieve::bench

int main(int argc, char** argv) {
  bitsieve::bench::Settings settings;
  CLI::App app{"Times a network in Bitsieve and in ONNX Runtime"};
  app.add_option("model", settings.model, "float network, .onnx")->required();
  app.add_option("--ort", settings.ort, "libonnxruntime.so of the peer; without it only --write-qdq is done");
  app.add_option("--threads", settings.threads, "threads of one image")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--code", settings.code, "activation code to compare with INT8")->capture_default_str();
  app.add_option("--isa", settings.isa, "kernels of Bitsieve")
      ->check(CLI::IsMember({"portable", "avx2", "avx512vnni"}));
  app.add_option("--seconds", settings.seconds, "how long to measure")->capture_default_str();
  app.add_option("--write-qdq", settings.write_qdq, "write the INT8 network that the peer runs");
  app.add_option("--write-optimized", settings.write_optimized, "write the graph the peer makes of it");
  app.add_option("--profile", settings.profile, "write the peer's own profile to files that start so (slows it down)");
  app.add_flag("--float", settings.float_too, "the float network as well");
  app.add_flag("--layers", settings.layers, "time of every layer");
  CLI11_PARSE(app, argc, argv);
  try {
    bitsieve::bench::run(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
