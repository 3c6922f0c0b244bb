// Times training steps of one network: float, QAT, BSQ as fused steps, BSQ with torch's own planes, MSQ and SWIS, in
// turns, so that what disturbs one disturbs all; and the memory that each keeps for a weight between steps, computed
// and as the allocator counts it. Activations are float, and what coded ones cost is beside it.
// usage: bitsieve_bench_train MODEL.onnx [ROUNDS] [THREADS] [BATCH]
//        bitsieve_bench_train --check MODEL.onnx
// The second is a test: with wide margins, that BSQ's step costs no more than it should.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "train/activations.h"
#include "train/bsq.h"
#include "train/coded.h"
#include "train/msq.h"
#include "train/plain_bsq.h"
#include "train/qat.h"

namespace bitsieve::train {
namespace {

using Clock = std::chrono::steady_clock;

// Bytes that the allocator has given out.
double living() {
  const auto now = mallinfo2();
  return static_cast<double>(now.uordblks) + static_cast<double>(now.hblkhd);
}

struct Contender {
  std::string name;
  std::unique_ptr<Activations> activations;
  std::unique_ptr<GraphModule> module;
  std::unique_ptr<Method> method;
  std::unique_ptr<torch::optim::SGD> sgd;
  double bytes = 0;                         // as the allocator counts them, between steps
  std::vector<double> step = {}, own = {};  // seconds: the whole, and what is the method's alone
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void step(Contender& c, const torch::Tensor& x, const torch::Tensor& y) {
  const auto start = Clock::now();
  c.sgd->zero_grad();
  torch::nn::functional::cross_entropy(c.module->forward(x), y).backward();
  c.method->regularize();
  c.sgd->step();
  const auto before = Clock::now();
  c.method->step(1e-4, 0.9);
  c.own.push_back(since(before));
  c.step.push_back(since(start));
}

// What all of them are given.
struct Given {
  Graph graph;
  torch::Tensor x, y;
  Calibration seen;  // what the network gives
};

// code: of activations; null: they stay float. After one step, so that all variables have gradients and momenta.
Contender contender(const std::string& name, const Given& given, const std::function<std::unique_ptr<Method>()>& make,
                    const char* code = nullptr) {
  const double before = living();
  Contender c{name, nullptr, std::make_unique<GraphModule>(given.graph), make(), nullptr};
  if (code != nullptr) {
    ActivationOptions options;
    options.code = code;
    options.range = RangeRule::minmax;
    c.activations = std::make_unique<Activations>(given.graph, given.seen, options);
    c.activations->attach(*c.module);
  }
  c.method->attach(*c.module);
  c.module->train();
  std::vector<torch::Tensor> trained;
  for (const torch::Tensor& p : c.module->parameters()) {
    if (p.requires_grad()) trained.push_back(p);
  }
  c.sgd = std::make_unique<torch::optim::SGD>(trained, torch::optim::SGDOptions(1e-4).momentum(0.9).weight_decay(1e-4));
  step(c, given.x, given.y);
  c.bytes = living() - before;
  return c;
}

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

// Floats that live from step to step: variables, gradients, momenta, and what the method keeps itself.
double floats_a_weight(const Contender& c, std::int64_t weights) {
  double floats = 0;
  for (const torch::Tensor& p : c.module->parameters()) {
    floats += (p.requires_grad() ? 3.0 : 1.0) * static_cast<double>(p.numel());
  }
  State state;
  c.method->save(state);
  for (const auto& [name, values] : state.arrays) floats += static_cast<double>(values.size());
  for (const torch::Tensor& leaf : c.method->variables())
    floats += (leaf.grad().defined() ? 2.0 : 1.0) * static_cast<double>(leaf.numel());
  return floats / static_cast<double>(weights);
}

void rounds_of(std::vector<Contender>& all, const Given& given, int rounds) {
  for (int round = -2; round < rounds; ++round) {
    for (Contender& c : all) {
      step(c, given.x, given.y);
      if (round >= 0) continue;
      c.step.clear();
      c.own.clear();
    }
  }
}

// Of the contender's step to the first one's, each round by itself.
double to_first(const std::vector<Contender>& all, const Contender& c) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < c.step.size(); ++i) ratios.push_back(c.step[i] / all[0].step[i]);
  return median(ratios);
}

Given given_by(const std::string& path, std::int64_t batch, int threads) {
  Given given;
  given.graph = load_onnx(path);
  fold_batch_norms(given.graph);
  fuse_activations(given.graph);
  const Shape& input = given.graph.shape(given.graph.input);
  given.x = torch::randn({batch, input[0], input[1], input[2]});
  given.y = torch::randint(element_count(given.graph.shape(given.graph.output)), {batch}, torch::kLong);
  const torch::Tensor pictures = given.x.permute({0, 2, 3, 1}).contiguous();  // as the executor reads them
  given.seen = calibrate(
      float_model(given.graph), std::min<std::int64_t>(batch, 8), threads, [&](std::int64_t i, std::span<float> out) {
        std::copy_n(pictures.data_ptr<float>() + i * static_cast<std::int64_t>(out.size()), out.size(), out.data());
      });
  return given;
}

template <class Made, class... Arguments>
std::function<std::unique_ptr<Method>()> maker(Arguments... arguments) {
  return [arguments...] { return std::make_unique<Made>(arguments...); };
}

BsqOptions paper_with(int bits) {
  BsqOptions options = paper_bsq();
  options.bits = bits;
  return options;
}

// The issue that asked for BSQ wants 1.10 on ResNet-20; networks of a few channels have less to hide it behind, and
// machines are shared.
int check(const std::string& path) {
  torch::set_num_threads(1);
  const Given given = given_by(path, 128, 1);
  std::vector<Contender> all;
  all.push_back(contender("float", given, maker<FloatMethod>()));
  all.push_back(contender("BSQ, 8 bits, fused", given, maker<BsqMethod>(paper_with(8))));
  all.push_back(contender("BSQ, 5 bits, by sensitivity", given, maker<BsqMethod>(BsqOptions())));
  all.push_back(contender("BSQ, 8 bits, planes of torch", given, maker<PlainBsqMethod>(paper_with(8))));
  rounds_of(all, given, 7);
  const double most[] = {1, 1.25, 1.25, INFINITY};
  int wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double ratio = to_first(all, all[i]);
    const bool fine = ratio <= most[i];
    std::printf("%-36s %.3f of float's step%s\n", all[i].name.c_str(), ratio, fine ? "" : ": too much");
    wrong += !fine;
  }
  if (to_first(all, all[1]) >= to_first(all, all[3])) {
    std::printf("the fused step is no faster than torch's planes\n");
    ++wrong;
  }
  if (all[1].bytes >= all[3].bytes) {
    std::printf("the fused step keeps no less memory than torch's planes\n");
    ++wrong;
  }
  return wrong > 0;
}

int run(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--check") return check(argv[2]);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.onnx [ROUNDS] [THREADS] [BATCH]\n       %s --check MODEL.onnx\n", argv[0],
                 argv[0]);
    return 2;
  }
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15, threads = argc > 3 ? std::atoi(argv[3]) : 2;
  const std::int64_t batch = argc > 4 ? std::atoi(argv[4]) : 128;
  torch::set_num_threads(threads);
  const Given given = given_by(argv[1], batch, threads);
  std::int64_t weights = 0;
  std::map<std::size_t, QatStart> scheme;
  for (std::size_t i = 0; i < given.graph.nodes.size(); ++i) {
    if (!has_weights(given.graph.nodes[i])) continue;
    weights += given.graph.nodes[i].weight().size();
    scheme[i].bits = 3;
  }
  std::vector<Contender> all;
  all.push_back(contender("float", given, maker<FloatMethod>()));
  all.push_back(contender("QAT, 3 bits", given, maker<QatMethod>(scheme)));
  all.push_back(contender("MSQ", given, maker<MsqMethod>(MsqOptions())));
  all.push_back(contender("SWIS, 3 shifts, searched each step", given, maker<CodedMethod>(CodedOptions())));
  all.push_back(contender("BSQ, 8 bits, fused", given, maker<BsqMethod>(paper_with(8))));
  all.push_back(contender("BSQ, 3 bits, fused", given, maker<BsqMethod>(paper_with(3))));
  all.push_back(contender("BSQ, 5 bits, by sensitivity", given, maker<BsqMethod>(BsqOptions())));
  all.push_back(contender("BSQ, 8 bits, planes of torch", given, maker<PlainBsqMethod>(paper_with(8))));
  for (const char* code : {"int8", "act4-uniform", "sparq-5opt-round"})
    all.push_back(contender(fmt::format("BSQ, 5 bits, {}", code), given, maker<BsqMethod>(BsqOptions()), code));
  rounds_of(all, given, rounds);
  std::printf("%s: %lld weights, batch %lld, %d threads, medians of %d rounds in turns\n", argv[1],
              static_cast<long long>(weights), static_cast<long long>(batch), threads, rounds);
  std::printf("%-36s %10s %14s %16s %18s %14s\n", "", "ms a step", "to float's", "own step, ms", "floats a weight",
              "as allocated");
  for (const Contender& c : all) {
    std::printf("%-36s %10.1f %14.3f %16.2f %18.1f %14.1f\n", c.name.c_str(), 1e3 * median(c.step), to_first(all, c),
                1e3 * median(c.own), floats_a_weight(c, weights), c.bytes / 4 / static_cast<double>(weights));
  }
  return 0;
}

}  // namespace
}  // namespace bitsieve::train

int main(int argc, char** argv) {
  try {
    return bitsieve::train::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
