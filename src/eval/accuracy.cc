#include "eval/accuracy.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>

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

// Place of `label` among the scores, from 0. Equal scores count the lower class first, so that a network whose scores
// are all alike is right by chance and not always.
std::int64_t rank(const std::vector<float>& scores, std::size_t label) {
  std::int64_t before = 0;
  for (std::size_t j = 0; j < scores.size(); ++j) {
    before += scores[j] > scores[label] || (scores[j] == scores[label] && j < label);
  }
  return before;
}

std::vector<int> checked_labels(const QuantizedModel& model, const ImageSet& images) {
  const auto classes = element_count(model.graph.shape(model.graph.output));
  std::vector<int> labels(static_cast<std::size_t>(images.size), -1);
  for (std::int64_t i = 0; images.label && i < images.size; ++i) {
    const int label = labels[static_cast<std::size_t>(i)] = images.label(i);
    if (label < -1 || label >= classes) {
      fail("image {} has label {}; model '{}' has {} classes, 0 to {}", i, label, model.graph.name, classes,
           classes - 1);
    }
  }
  return labels;
}

}  // namespace

double sqnr_db(std::span<const float> reference, std::span<const float> x) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i], d = r - x[i];
    signal += r * r;
    noise += d * d;
  }
  return sqnr(signal, noise);
}

Evaluation evaluate(const QuantizedModel& model, const ImageSet& images, const EvaluateOptions& options) {
  struct Worker {
    Executor::Workspace workspace;
    std::vector<float> image;
    double seconds = 0;
  };
  const Executor executor(model, options.reference);
  std::vector<Worker> workers(static_cast<std::size_t>(worker_count(images.size, options.threads)));
  const auto forward = [&](std::int64_t i, int index, std::vector<float>& scores) {
    Worker& worker = workers[static_cast<std::size_t>(index)];
    worker.image.resize(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input))));
    images.image(i, worker.image);
    const auto start = std::chrono::steady_clock::now();
    executor.run(worker.image, worker.workspace, scores);
    worker.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Evaluation result = evaluate_with(model, images, options, forward);
  for (const Worker& worker : workers) result.seconds += worker.seconds / static_cast<double>(workers.size());
  return result;
}

Evaluation evaluate_with(const QuantizedModel& model, const ImageSet& images, const EvaluateOptions& options,
                         const MakeScores& scores) {
  Evaluation result;
  result.labels = checked_labels(model, images);
  const auto size = static_cast<std::size_t>(images.size);
  result.predicted.resize(size);
  result.places.assign(size, -1);
  if (options.keep_scores) result.scores.resize(size);

  std::vector<std::vector<float>> of_workers(static_cast<std::size_t>(worker_count(images.size, options.threads)));
  std::mutex progress_mutex;
  std::int64_t done = 0;
  parallel_for(images.size, static_cast<int>(of_workers.size()), [&](std::int64_t i, int worker) {
    std::vector<float>& found = of_workers[static_cast<std::size_t>(worker)];
    const auto at = static_cast<std::size_t>(i);
    scores(i, worker, found);
    for (std::size_t j = 0; j < found.size(); ++j) {
      if (std::isnan(found[j])) {
        fail(
            "image {}: model '{}' gives no number as the score of class {}; look for infinities in its weights or "
            "input",
            i, model.graph.name, j);
      }
    }
    result.predicted[at] = static_cast<int>(best(found));
    if (const int label = result.labels[at]; label >= 0) {
      result.places[at] = static_cast<int>(rank(found, static_cast<std::size_t>(label)));
    }
    if (options.keep_scores) result.scores[at] = found;
    if (options.progress) {
      std::lock_guard lock(progress_mutex);
      options.progress(++done);
    }
  });
  tally(result);
  return result;
}

Evaluation evaluate(const QuantizedModel& model, const Batch& batch, int threads,
                    const std::function<void()>& progress) {
  EvaluateOptions options;
  options.threads = threads;
  if (progress) options.progress = [&](std::int64_t) { progress(); };
  return evaluate(model, batch_images(batch), options);
}

void tally(Evaluation& e) {
  e.count = e.correct = e.correct5 = 0;
  for (std::size_t i = 0; i < e.labels.size(); ++i) {
    if (e.labels[i] < 0) continue;
    ++e.count;
    e.correct += e.places[i] < 1;
    e.correct5 += e.places[i] < 5;
  }
}

double agreement(const Scores& a, const Scores& b) {
  if (a.size() != b.size() || a.empty()) fail("agreement needs the same images for both models");
  std::int64_t same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) same += best(a[i]) == best(b[i]);
  return 100.0 * static_cast<double>(same) / static_cast<double>(a.size());
}

double agreement(const Evaluation& a, const Evaluation& b) {
  if (a.predicted.size() != b.predicted.size() || a.predicted.empty()) {
    fail("agreement needs the same images for both models");
  }
  std::int64_t same = 0;
  for (std::size_t i = 0; i < a.predicted.size(); ++i) same += a.predicted[i] == b.predicted[i];
  return 100.0 * static_cast<double>(same) / static_cast<double>(a.predicted.size());
}

std::vector<ScoreError> score_errors(const Scores& reference, const Scores& x) {
  if (reference.size() != x.size()) fail("the SQNR of scores needs the same images for both models");
  std::vector<ScoreError> errors(reference.size());
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (reference[i].size() != x[i].size()) {
      fail("the SQNR of scores needs the same classes for both models, not {} and {}", reference[i].size(),
           x[i].size());
    }
    for (std::size_t j = 0; j < reference[i].size(); ++j) {
      const double r = reference[i][j], d = r - x[i][j];
      errors[i].signal += r * r;
      errors[i].noise += d * d;
    }
  }
  return errors;
}

double logit_sqnr_db(std::span<const ScoreError> errors) {
  ScoreError sum;
  for (const ScoreError& error : errors) {
    sum.signal += error.signal;
    sum.noise += error.noise;
  }
  return sqnr(sum.signal, sum.noise);
}

double logit_sqnr_db(const Scores& reference, const Scores& x) { return logit_sqnr_db(score_errors(reference, x)); }

PairedDrop paired_drop(const Evaluation& reference, const Evaluation& model) {
  if (reference.labels != model.labels) fail("a paired comparison needs the same labelled images for both models");
  std::int64_t lost = 0, gained = 0;
  for (std::size_t i = 0; i < reference.labels.size(); ++i) {
    const int label = reference.labels[i];
    if (label < 0) continue;
    lost += reference.predicted[i] == label && model.predicted[i] != label;
    gained += reference.predicted[i] != label && model.predicted[i] == label;
  }
  return paired_drop(reference.count, lost, gained);
}

}  // namespace bitsieve
