#include "eval/accuracy.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/parallel.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

std::int64_t best(const std::vector<float>& scores) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

double sqnr(double signal, double noise) {
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

}  // namespace

std::array<double, 2> wilson_interval(std::int64_t correct, std::int64_t count) {
  if (count == 0) return {0, 100};
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const double n = static_cast<double>(count), p = static_cast<double>(correct) / n;
  const double centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 100 / (1 + z * z / n);
  return {std::max(0.0, (centre - half) * scale), std::min(100.0, (centre + half) * scale)};
}

double sqnr_db(std::span<const float> reference, std::span<const float> x) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i], d = r - x[i];
    signal += r * r;
    noise += d * d;
  }
  return sqnr(signal, noise);
}

Evaluation evaluate(const QuantizedModel& model, const Batch& batch, int threads, const std::function<void()>& progress) {
  const auto classes = element_count(model.graph.shape(model.graph.output));
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] >= classes) {
      fail("image {} has label {}; model '{}' knows classes 0 to {}", i, batch.labels[i], model.graph.name, classes - 1);
    }
  }
  const Executor executor(model);
  if (threads <= 0) threads = available_threads();
  std::vector<Executor::Workspace> workspaces(static_cast<std::size_t>(threads));
  Evaluation result;
  result.scores.resize(batch.images.size());
  const auto start = std::chrono::steady_clock::now();
  parallel_for(static_cast<std::int64_t>(batch.images.size()), threads, [&](std::int64_t i, int worker) {
    const auto at = static_cast<std::size_t>(i);
    executor.run(batch.images[at], workspaces[static_cast<std::size_t>(worker)], result.scores[at]);
    if (progress) progress();
  });
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    const int label = batch.labels[i];
    if (label < 0) continue;
    const std::vector<float>& scores = result.scores[i];
    const float own = scores[static_cast<std::size_t>(label)];
    const auto better = std::count_if(scores.begin(), scores.end(), [&](float s) { return s > own; });
    ++result.count;
    result.correct += best(scores) == label;
    result.correct5 += better < 5;
  }
  return result;
}

double agreement(const Scores& a, const Scores& b) {
  if (a.size() != b.size() || a.empty()) fail("agreement needs the same images for both models");
  std::int64_t same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) same += best(a[i]) == best(b[i]);
  return 100.0 * static_cast<double>(same) / static_cast<double>(a.size());
}

double logit_sqnr_db(const Scores& reference, const Scores& x) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    for (std::size_t j = 0; j < reference[i].size(); ++j) {
      const double r = reference[i][j], d = r - x[i][j];
      signal += r * r;
      noise += d * d;
    }
  }
  return sqnr(signal, noise);
}

}  // namespace bitsieve
