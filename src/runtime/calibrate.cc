#include "runtime/calibrate.h"

#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

ValueStatistics observe(const Shape& shape, const float* x) {
  ValueStatistics s;
  const std::int64_t count = element_count(shape);
  s.images = 1;
  s.elements = count;
  s.min = s.max = count ? x[0] : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    s.min = std::min(s.min, static_cast<double>(x[i]));
    s.max = std::max(s.max, static_cast<double>(x[i]));
    s.zeros += x[i] == 0;
  }
  s.sum_of_maxima = s.max;
  s.sum_of_minima = s.min;
  const std::int64_t channels = shape.size() == 3 ? shape[0] : shape.empty() ? 1 : shape.back();
  for (std::int64_t row = 0; row + channels <= count; row += channels) {
    for (std::int64_t c = 0; c + 1 < channels; c += 2) {
      const int zeros = (x[row + c] == 0) + (x[row + c + 1] == 0);
      ++s.pairs;
      s.pairs_both_zero += zeros == 2;
      s.pairs_one_zero += zeros == 1;
    }
  }
  return s;
}

void merge(ValueStatistics& into, const ValueStatistics& s) {
  into.min = into.images ? std::min(into.min, s.min) : s.min;
  into.max = into.images ? std::max(into.max, s.max) : s.max;
  into.sum_of_maxima += s.sum_of_maxima;
  into.sum_of_minima += s.sum_of_minima;
  into.images += s.images;
  into.elements += s.elements;
  into.zeros += s.zeros;
  into.pairs += s.pairs;
  into.pairs_both_zero += s.pairs_both_zero;
  into.pairs_one_zero += s.pairs_one_zero;
}

}  // namespace

Calibration calibrate(const QuantizedModel& network, std::int64_t images, int threads,
                      const std::function<void(std::int64_t, std::span<float>)>& image,
                      const std::function<void(std::int64_t)>& progress) {
  const Graph& graph = network.graph;
  const Executor executor(network);
  Calibration result;
  result.model = graph.name;
  if (threads <= 0) threads = available_threads();
  std::vector<Executor::Workspace> workspaces(static_cast<std::size_t>(threads));
  // Images are merged in order, a block at a time, so that sums of doubles do not depend on the threads.
  constexpr std::int64_t block = 32;
  for (std::int64_t first = 0; first < images; first += block) {
    const std::int64_t n = std::min(block, images - first);
    std::vector<std::vector<ValueStatistics>> seen(static_cast<std::size_t>(n),
                                                   std::vector<ValueStatistics>(graph.values.size()));
    parallel_for(n, threads, [&](std::int64_t i, int worker) {
      std::vector<float> input(static_cast<std::size_t>(element_count(graph.shape(graph.input)))), scores;
      image(first + i, input);
      executor.run(input, workspaces[static_cast<std::size_t>(worker)], scores, [&](ValueId id, const void* data) {
        seen[static_cast<std::size_t>(i)][static_cast<std::size_t>(id)] = observe(graph.shape(id), static_cast<const float*>(data));
      });
    });
    for (const auto& one : seen) {
      for (std::size_t id = 0; id < one.size(); ++id) {
        if (one[id].images) merge(result.values[graph.values[id].name], one[id]);
      }
    }
    if (progress) progress(first + n);
  }
  return result;
}

}  // namespace bitsieve
