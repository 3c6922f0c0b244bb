// Times training steps of one network: float, QAT, BSQ as fused steps, BSQ with torch's own planes, MSQ and SWIS, in
// turns, so that what disturbs one disturbs all; and the memory that each needs for a weight. Activations are float,
// and what coded ones cost is beside it. usage: bitsieve_bench_train MODEL.onnx [ROUNDS] [THREADS] [BATCH]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
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

struct Contender {
  std::string name;
  std::unique_ptr<Activations> activations;
  std::unique_ptr<GraphModule> module;
  std::unique_ptr<Method> method;
  std::unique_ptr<torch::optim::SGD> sgd;
  std::vector<double> step = {}, own = {};  // seconds: the whole, and what is the method's alone
};

// seen: what the network gives, for coded activations; null: they stay float.
Contender contender(const std::string& name, const Graph& graph, std::unique_ptr<Method> method,
                    const Calibration* seen = nullptr, const char* code = "int8") {
  Contender c{name, nullptr, std::make_unique<GraphModule>(graph), std::move(method), nullptr};
  if (seen != nullptr) {
    ActivationOptions options;
    options.code = code;
    options.range = RangeRule::minmax;
    c.activations = std::make_unique<Activations>(graph, *seen, options);
    c.activations->attach(*c.module);
  }
  c.method->attach(*c.module);
  c.module->train();
  std::vector<torch::Tensor> trained;
  for (const torch::Tensor& p : c.module->parameters()) {
    if (p.requires_grad()) trained.push_back(p);
  }
  c.sgd = std::make_unique<torch::optim::SGD>(trained, torch::optim::SGDOptions(1e-4).momentum(0.9).weight_decay(1e-4));
  return c;
}

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

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

// Floats that live from step to step: variables, gradients, momenta, and what the method keeps itself.
double floats_a_weight(const Contender& c, std::int64_t weights) {
  double floats = 0;
  for (const torch::Tensor& p : c.module->parameters()) {
    const bool trained = p.requires_grad();
    if (trained) floats += 3.0 * static_cast<double>(p.numel());
  }
  State state;
  c.method->save(state);
  for (const auto& [name, values] : state.arrays) floats += static_cast<double>(values.size());
  if (dynamic_cast<const BsqMethod*>(c.method.get()) != nullptr)
    floats += static_cast<double>(weights);  // the gradient
  return floats / static_cast<double>(weights);
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.onnx [ROUNDS] [THREADS] [BATCH]\n", argv[0]);
    return 2;
  }
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15, threads = argc > 3 ? std::atoi(argv[3]) : 2;
  const std::int64_t batch = argc > 4 ? std::atoi(argv[4]) : 128;
  torch::set_num_threads(threads);
  Graph graph = load_onnx(argv[1]);
  fold_batch_norms(graph);
  fuse_activations(graph);
  std::int64_t weights = 0, classes = element_count(graph.shape(graph.output));
  std::map<std::size_t, QatStart> scheme;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!has_weights(graph.nodes[i])) continue;
    weights += graph.nodes[i].weight().size();
    scheme[i].bits = 3;
  }
  const Shape& input = graph.shape(graph.input);
  const torch::Tensor x = torch::randn({batch, input[0], input[1], input[2]}),
                      y = torch::randint(classes, {batch}, torch::kLong);
  const torch::Tensor pictures = x.permute({0, 2, 3, 1}).contiguous();  // as the executor reads them
  const Calibration seen = calibrate(
      float_model(graph), std::min<std::int64_t>(batch, 8), threads, [&](std::int64_t i, std::span<float> out) {
        std::copy_n(pictures.data_ptr<float>() + i * static_cast<std::int64_t>(out.size()), out.size(), out.data());
      });
  BsqOptions bsq = paper_bsq();
  std::vector<Contender> all;
  all.push_back(contender("float", graph, std::make_unique<FloatMethod>()));
  all.push_back(contender("QAT, 3 bits", graph, std::make_unique<QatMethod>(scheme)));
  all.push_back(contender("MSQ", graph, std::make_unique<MsqMethod>(MsqOptions())));
  all.push_back(contender("SWIS, 3 shifts, searched each step", graph, std::make_unique<CodedMethod>(CodedOptions())));
  all.push_back(contender("BSQ, 8 bits, fused", graph, std::make_unique<BsqMethod>(bsq)));
  bsq.bits = 3;
  all.push_back(contender("BSQ, 3 bits, fused", graph, std::make_unique<BsqMethod>(bsq)));
  bsq.bits = 8;
  all.push_back(contender("BSQ, 5 bits, by sensitivity", graph, std::make_unique<BsqMethod>(BsqOptions())));
  all.push_back(contender("BSQ, 8 bits, planes of torch", graph, std::make_unique<PlainBsqMethod>(bsq)));
  for (const char* code : {"int8", "act4-uniform", "sparq-5opt-round"})
    all.push_back(
        contender(fmt::format("BSQ, 5 bits, {}", code), graph, std::make_unique<BsqMethod>(BsqOptions()), &seen, code));
  for (int round = -2; round < rounds; ++round) {
    for (Contender& c : all) step(c, x, y);
    if (round >= 0) continue;
    for (Contender& c : all) {
      c.step.clear();
      c.own.clear();
    }
  }
  std::printf("%s: %lld weights, batch %lld, %d threads, medians of %d rounds in turns\n", argv[1],
              static_cast<long long>(weights), static_cast<long long>(batch), threads, rounds);
  std::printf("%-36s %10s %14s %16s %18s\n", "", "ms a step", "to float's", "own step, ms", "floats a weight");
  for (const Contender& c : all) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < c.step.size(); ++i) ratios.push_back(c.step[i] / all[0].step[i]);
    std::printf("%-36s %10.1f %14.3f %16.2f %18.1f\n", c.name.c_str(), 1e3 * median(c.step), median(ratios),
                1e3 * median(c.own), floats_a_weight(c, weights));
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
