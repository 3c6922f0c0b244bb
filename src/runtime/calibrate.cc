#include "runtime/calibrate.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "quant/observer.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

constexpr std::int64_t block = 32;

struct Extremes {
  float min, max;
};

// One entry of the calibration for every value that the executor computes.
class Gatherer {
 public:
  Gatherer(const QuantizedModel& network, Calibration& calibration)
      : graph_(network.graph), calibration_(calibration), slots_(graph_.values.size()), locks_(graph_.values.size()) {
    if (graph_.input >= 0) open(graph_.input);
    for (const Node& node : graph_.nodes) open(node.output);
    if (calibration.values.size() != opened_.size()) mismatch();
    for (const auto& [name, statistics] : calibration.values) {
      if (statistics.images != calibration.images_done) mismatch();
    }
  }

  // Counts one value of an image. Safe from several threads, each with its own observer.
  Extremes look(ValueId id, std::int64_t image, const float* x, ValueObserver& observer) {
    const Shape& shape = graph_.shape(id);
    const std::int64_t count = element_count(shape);
    const auto at = static_cast<std::size_t>(id);
    if (count == 0) return {0, 0};
    observer.look(x, count, shape.size() == 3 ? shape[0] : shape.empty() ? 1 : shape.back());
    if (!observer.finite()) {
      fail("calibration image {}: value '{}' of model '{}' is infinite or not a number; check the preprocessing", image,
           graph_.values[at].name, graph_.name);
    }
    const std::lock_guard lock(locks_[at]);
    observer.add_counts(*slots_[at]);  // integers: the order of images does not matter
    return {observer.min(), observer.max()};
  }

  // The sums of doubles; in the order of images.
  void add_image(const std::vector<Extremes>& seen) {
    for (std::size_t id = 0; id < slots_.size(); ++id) {
      if (slots_[id]) slots_[id]->add_image(seen[id].min, seen[id].max);
    }
    ++calibration_.images_done;
  }

 private:
  void open(ValueId id) {
    const std::string& name = graph_.values[static_cast<std::size_t>(id)].name;
    if (!opened_.insert(name).second) fail("model '{}' has two values named '{}'", graph_.name, name);
    const bool resumed = calibration_.images_done > 0;
    if (resumed && !calibration_.values.contains(name)) mismatch();
    slots_[static_cast<std::size_t>(id)] = &calibration_.values[name];
  }
  [[noreturn]] void mismatch() const {
    fail("the calibration to resume holds other values than model '{}': it belongs to another model", graph_.name);
  }

  const Graph& graph_;
  Calibration& calibration_;
  std::vector<ValueStatistics*> slots_;  // by value; null for constants
  std::vector<std::mutex> locks_;        // by value
  std::set<std::string> opened_;
};

}  // namespace

Calibration calibrate(const QuantizedModel& network, std::int64_t images, const ImageSource& image,
                      const CalibrateOptions& options, Calibration start) {
  using Clock = std::chrono::steady_clock;
  const Graph& graph = network.graph;
  if (start.images_done > images) {
    fail("the calibration to resume has {} images already, {} are wanted", start.images_done, images);
  }
  Calibration result = std::move(start);
  if (result.model.empty()) result.model = graph.name;
  result.images_wanted = images;
  if (images == 0) return result;
  Gatherer gatherer(network, result);
  const Executor executor(network);
  const int threads = worker_count(std::min(block, images), options.threads);
  struct Worker {
    Executor::Workspace workspace;
    ValueObserver observer;
    std::vector<float> input, scores;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(threads));
  std::vector<std::vector<Extremes>> seen(block, std::vector<Extremes>(graph.values.size()));
  auto last_checkpoint = Clock::now();
  while (result.images_done < images) {
    const bool stopped = options.stop != nullptr && options.stop->load();
    if (stopped) {
      if (result.images_done == 0) result.values.clear();  // a file holds no values without images
      if (options.checkpoint) options.checkpoint(result);
      break;
    }
    const std::int64_t first = result.images_done, n = std::min(block, images - first);
    parallel_for(n, threads, [&](std::int64_t i, int w) {
      Worker& worker = workers[static_cast<std::size_t>(w)];
      worker.input.resize(static_cast<std::size_t>(element_count(graph.shape(graph.input))));
      image(first + i, worker.input);
      std::vector<Extremes>& extremes = seen[static_cast<std::size_t>(i)];
      executor.run(worker.input, worker.workspace, worker.scores, [&](ValueId id, const void* data) {
        extremes[static_cast<std::size_t>(id)] =
            gatherer.look(id, first + i, static_cast<const float*>(data), worker.observer);
      });
    });
    for (std::int64_t i = 0; i < n; ++i) gatherer.add_image(seen[static_cast<std::size_t>(i)]);
    if (options.progress) options.progress(result.images_done);
    const auto now = Clock::now();
    if (options.checkpoint && result.images_done < images &&
        now - last_checkpoint >= std::chrono::duration<double>(options.checkpoint_seconds)) {
      options.checkpoint(result);
      last_checkpoint = Clock::now();
    }
  }
  return result;
}

Calibration calibrate(const QuantizedModel& network, std::int64_t images, int threads, const ImageSource& image,
                      const std::function<void(std::int64_t)>& progress) {
  CalibrateOptions options;
  options.threads = threads;
  options.progress = progress;
  return calibrate(network, images, image, options);
}

}  // namespace bitsieve
