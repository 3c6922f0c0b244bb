#include "eval/analysis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/parallel.h"
#include "eval/layer_facts.h"
#include "eval/node_error.h"

namespace bitsieve {
namespace {

double decibel(double signal, double noise) {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);  // -infinity where the float value is 0 everywhere
}

void check_same_nodes(const Graph& a, const QuantizedModel& float_network) {
  const Graph& b = float_network.graph;
  if (a.nodes.size() != b.nodes.size()) {
    fail("model '{}' has {} nodes, its float network {}; both must come from the same file and passes", a.name,
         a.nodes.size(), b.nodes.size());
  }
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    if (a.nodes[i].name != b.nodes[i].name || a.nodes[i].inputs != b.nodes[i].inputs ||
        a.nodes[i].output != b.nodes[i].output || a.shape(a.nodes[i].output) != b.shape(b.nodes[i].output)) {
      fail("node {} is '{}' in model '{}' and '{}' in its float network; both must come from the same file and passes",
           i, a.nodes[i].name, a.name, b.nodes[i].name);
    }
    if (float_network.values[static_cast<std::size_t>(b.nodes[i].output)].type != DType::f32) {
      fail("the network to compare '{}' with is not a float network: node '{}' gives 8-bit values", a.name,
           b.nodes[i].name);
    }
  }
}

// Where scores were not measured, all scores_db are infinite.
bool worse(const LayerAnalysis& a, const LayerAnalysis& b) {
  return a.scores_db != b.scores_db ? a.scores_db < b.scores_db : a.alone_db < b.alone_db;
}

// Follows the noisiest input up to a node that makes nearly all of the error at its output, and names the node on this
// way that disturbs the scores most.
std::string find_upstream(const Graph& graph, const ModelAnalysis& analysis, const Sums& sums, int index) {
  const auto at = [&](int i) -> const LayerAnalysis& { return analysis.nodes[static_cast<std::size_t>(i)]; };
  int worst = -1;
  for (int here = index; here == index || at(here).alone_db > at(here).accumulated_db + 1;) {
    int next = -1;
    double loudest = -1;
    for (const ValueId id : graph.nodes[static_cast<std::size_t>(here)].inputs) {
      const int producer = graph.producer(id);
      if (producer < 0 || sums.nodes[static_cast<std::size_t>(producer)].accumulated <= loudest) continue;
      next = producer;
      loudest = sums.nodes[static_cast<std::size_t>(producer)].accumulated;
    }
    if (next < 0) break;
    if (worst < 0 || worse(at(next), at(worst))) worst = next;
    here = next;
  }
  return worst < 0 ? "" : at(worst).name;
}

}  // namespace

ModelAnalysis analyze(const QuantizedModel& model, const QuantizedModel& float_network, const ImageSet& images,
                      const AnalyzeOptions& options) {
  check_same_nodes(model.graph, float_network);
  if (images.size < 1) fail("an analysis needs at least one image");
  const Graph& graph = model.graph;
  const ComparedNetworks networks(model, float_network);
  constexpr std::int64_t block = 32;
  const int threads = worker_count(block, options.threads);
  std::vector<std::unique_ptr<NodeErrors>> workers(static_cast<std::size_t>(threads));
  Sums total(graph.values.size(), graph.nodes.size());
  // Images are added up in order, a block at a time, so that sums of doubles do not depend on the threads.
  for (std::int64_t first = 0; first < images.size; first += block) {
    const std::int64_t count = std::min(block, images.size - first);
    std::vector<Sums> seen(static_cast<std::size_t>(count), Sums(graph.values.size(), graph.nodes.size()));
    parallel_for(count, threads, [&](std::int64_t i, int w) {
      auto& worker = workers[static_cast<std::size_t>(w)];
      if (!worker) worker = std::make_unique<NodeErrors>(networks);
      worker->measure(images, first + i, first + i < options.score_images, seen[static_cast<std::size_t>(i)]);
    });
    for (const Sums& one : seen) {
      for (std::size_t id = 0; id < total.values.size(); ++id) total.values[id].add(one.values[id]);
      for (std::size_t i = 0; i < total.nodes.size(); ++i) total.nodes[i].add(one.nodes[i]);
    }
    if (options.progress) options.progress(first + count);
  }

  ModelAnalysis result;
  result.images = images.size;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    LayerAnalysis a = layer_facts(model, static_cast<int>(i));
    const NodeSums& s = total.nodes[i];
    a.alone_db = decibel(s.signal, s.alone);
    a.accumulated_db = decibel(s.signal, s.accumulated);
    a.scores_db = decibel(s.score_signal, s.scores);
    if (s.signal > 0) a.parts = {s.input / s.signal, s.weights / s.signal, s.window / s.signal, s.output / s.signal};
    CodeSums inputs;
    for (const ValueId id : graph.nodes[i].inputs) inputs.add(total.values[static_cast<std::size_t>(id)]);
    a.input = inputs.use();
    a.output = total.values[static_cast<std::size_t>(graph.nodes[i].output)].use();
    a.window_changed = s.effect.changed_share();
    a.window_loss = s.effect.mean_loss();
    a.window_end_error = s.effect.end_share();
    result.nodes.push_back(std::move(a));
  }
  for (LayerAnalysis& a : result.nodes) {
    if (a.accumulated_db < a.alone_db - 3) a.upstream = find_upstream(graph, result, total, a.node);
  }
  return result;
}

std::vector<int> worst_first(const ModelAnalysis& analysis, bool all) {
  std::vector<int> order;
  for (const LayerAnalysis& a : analysis.nodes) {
    if (all || a.has_weights()) order.push_back(a.node);
  }
  std::stable_sort(order.begin(), order.end(), [&](int x, int y) {
    return worse(analysis.nodes[static_cast<std::size_t>(x)], analysis.nodes[static_cast<std::size_t>(y)]);
  });
  return order;
}

}  // namespace bitsieve
