#include "eval/prefix_cache.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <span>

#include "base/parallel.h"
#include "base/resources.h"
#include "quant/value_digests.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

constexpr std::int64_t cuts = 4;  // kept of one model at most, the inputs aside

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::int64_t sum(const std::vector<std::int64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
}

}  // namespace

std::int64_t PrefixCacheOptions::default_budget() { return std::min(memory_limit() / 4, std::int64_t{2} << 30); }

// A model in view of what is kept.
struct PrefixCache::Model {
  const Graph& graph;
  std::vector<Digest> digests;      // by value, as `known` and `shared`
  std::vector<bool> known;          // kept already
  std::vector<bool> shared;         // computed for an earlier model
  Rest rest;                        // what is left to run
  std::vector<std::int64_t> work;   // by node: multiply-adds, 0 where it is not run
  std::vector<Lifetime> lifetimes;  // by value
};

PrefixCache::PrefixCache(ImageSet images, const PrefixCacheOptions& options)
    : images_(std::move(images)), options_(options) {}

// Whether `bytes` more fit, after what was read longest ago and is not read now has gone.
bool PrefixCache::make_room(std::int64_t bytes) {
  const auto size = [&](const Kept& kept) { return static_cast<std::int64_t>(kept.bytes) * images_.size; };
  std::int64_t held = 0;
  for (const auto& [digest, kept] : kept_) held += kept.used == evaluations_ ? size(kept) : 0;
  if (bytes > options_.budget - held) return false;
  while (bytes_ + bytes > options_.budget) {
    const auto oldest = std::min_element(kept_.begin(), kept_.end(),
                                         [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    bytes_ -= size(oldest->second);
    kept_.erase(oldest);
  }
  return true;
}

// Makes places for the values to keep of a model, and lists these values.
void PrefixCache::choose(const Model& model, std::vector<ValueId>& chosen) {
  // Values of one digest, as identical branches compute them, are kept once: the first that is computed.
  std::map<Digest, ValueId> first;
  for (std::size_t id = 0; id < model.digests.size(); ++id) {
    const int producer = model.graph.producer(static_cast<ValueId>(id));
    if (producer < 0 || model.rest.runs[static_cast<std::size_t>(producer)])
      first.emplace(model.digests[id], static_cast<ValueId>(id));
  }
  // Whether this model computes the value, and an earlier one did.
  const auto wanted = [&](ValueId id) {
    const auto at = static_cast<std::size_t>(id);
    const int producer = model.graph.producer(id);
    return model.shared[at] && first.contains(model.digests[at]) && first.at(model.digests[at]) == id &&
           !kept_.contains(model.digests[at]) &&
           (producer < 0 ? options_.inputs && model.rest.image : model.rest.runs[static_cast<std::size_t>(producer)]);
  };
  const auto bytes_of = [&](const std::vector<ValueId>& values) {
    std::int64_t bytes = 0;
    for (const ValueId id : values)
      bytes += static_cast<std::int64_t>(model.lifetimes[static_cast<std::size_t>(id)].bytes) * images_.size;
    return bytes;
  };
  const auto keep = [&](const std::vector<ValueId>& values) {
    for (const ValueId id : values) {
      const std::size_t bytes = model.lifetimes[static_cast<std::size_t>(id)].bytes;
      Kept kept;
      kept.data = std::make_unique_for_overwrite<std::uint8_t[]>(bytes * static_cast<std::size_t>(images_.size));
      kept.bytes = bytes;
      kept.used = evaluations_;
      chosen.push_back(id);
      kept_.emplace(model.digests[static_cast<std::size_t>(id)], std::move(kept));
      bytes_ += static_cast<std::int64_t>(bytes) * images_.size;
    }
  };
  if (wanted(model.graph.input) && make_room(bytes_of({model.graph.input}))) keep({model.graph.input});

  struct Cut {
    std::vector<ValueId> values;  // alive there, and not kept yet
    std::int64_t bytes = 0, before = 0;
  };
  std::vector<Cut> shared;
  std::int64_t before = 0;
  for (int place = 1; place <= static_cast<int>(model.work.size()); ++place) {
    before += model.work[static_cast<std::size_t>(place) - 1];
    Cut cut;
    cut.before = before;
    bool all = before > 0;
    for (std::size_t id = 0; all && id < model.lifetimes.size(); ++id) {
      const Lifetime& life = model.lifetimes[id];
      if (life.bytes == 0 || life.begin >= place || life.end < place) continue;
      all = model.shared[id];
      if (wanted(static_cast<ValueId>(id))) cut.values.push_back(static_cast<ValueId>(id));
    }
    if (!all || cut.values.empty()) continue;
    cut.bytes = bytes_of(cut.values);
    shared.push_back(std::move(cut));
  }
  // Most work first; of equal work the fewest bytes, then the later one.
  std::reverse(shared.begin(), shared.end());
  std::stable_sort(shared.begin(), shared.end(), [](const Cut& a, const Cut& b) {
    return a.before != b.before ? a.before > b.before : a.bytes < b.bytes;
  });
  const auto last = std::find_if(shared.begin(), shared.end(), [&](const Cut& cut) { return make_room(cut.bytes); });
  if (last == shared.end()) return;
  keep(last->values);
  for (std::int64_t part = cuts - 1; part > 0; --part) {
    const Cut* fewest = nullptr;
    for (const Cut& cut : shared) {
      const bool inside = cut.before * cuts > last->before * (part - 1) && cut.before * cuts <= last->before * part;
      if (inside && (fewest == nullptr || cut.bytes < fewest->bytes)) fewest = &cut;
    }
    if (fewest == nullptr) continue;
    std::vector<ValueId> values;
    std::copy_if(fewest->values.begin(), fewest->values.end(), std::back_inserter(values), wanted);
    if (bytes_ + bytes_of(values) <= options_.budget) keep(values);
  }
}

Evaluation PrefixCache::evaluate(const QuantizedModel& model, const EvaluateOptions& options, std::int64_t timed) {
  const Graph& graph = model.graph;
  std::int64_t whole = 0;
  for (const Node& node : graph.nodes) whole += macs(graph, node);
  if (options_.budget <= 0) {
    Evaluation result = bitsieve::evaluate(model, images_, options);
    work_.run += whole * images_.size;
    work_.whole += whole * images_.size;
    return result;
  }

  const Executor executor(model, options.reference);
  ++evaluations_;
  Model seen{graph, value_digests(model), {}, {}, {}, {}, value_lifetimes(model)};
  for (const Digest& digest : seen.digests) {
    seen.known.push_back(kept_.contains(digest));
    seen.shared.push_back(computed_.contains(digest));
  }
  seen.rest = rest_behind(graph, seen.known);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    seen.work.push_back(seen.rest.runs[i] ? macs(graph, graph.nodes[i]) : 0);
  std::vector<const Kept*> known(graph.values.size()), keep(graph.values.size());  // by value, null for the others
  for (std::size_t id = 0; id < known.size(); ++id) {
    if (!seen.rest.reads[id]) continue;
    Kept& kept = kept_.at(seen.digests[id]);
    kept.used = evaluations_;
    known[id] = &kept;
  }
  std::vector<ValueId> chosen;

  struct Worker {
    Executor::Workspace workspace;
    std::vector<float> image;
    std::vector<const void*> known;
    double seconds = 0;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(worker_count(images_.size, options.threads)));
  const bool nothing_known = std::none_of(known.begin(), known.end(), [](const Kept* kept) { return kept; });
  timed = nothing_known ? images_.size : std::clamp<std::int64_t>(timed, 0, images_.size);
  const auto forward = [&](std::int64_t index, int number, std::vector<float>& scores) {
    Worker& worker = workers[static_cast<std::size_t>(number)];
    const auto at = static_cast<std::size_t>(index);
    double keeping = 0;
    const auto observe = [&](ValueId id, const void* data) {
      const Kept* to = keep[static_cast<std::size_t>(id)];
      if (to == nullptr) return;
      const auto start = Clock::now();
      std::memcpy(to->data.get() + at * to->bytes, data, to->bytes);
      keeping += since(start);
    };
    const bool all = index < timed;
    if (all || seen.rest.image) {
      worker.image.resize(static_cast<std::size_t>(element_count(graph.shape(graph.input))));
      images_.image(index, worker.image);
    }
    if (all) {
      const auto start = Clock::now();
      executor.run(worker.image, worker.workspace, scores, observe);
      worker.seconds += since(start) - keeping;
      return;
    }
    worker.known.resize(known.size());
    for (std::size_t id = 0; id < known.size(); ++id) {
      if (known[id] != nullptr) worker.known[id] = known[id]->data.get() + at * known[id]->bytes;
    }
    executor.run_rest(seen.rest, worker.known, worker.image, worker.workspace, scores, observe);
  };
  Evaluation result;
  try {
    choose(seen, chosen);
    for (const ValueId id : chosen)
      keep[static_cast<std::size_t>(id)] = &kept_.at(seen.digests[static_cast<std::size_t>(id)]);
    result = evaluate_with(model, images_, options, forward);
  } catch (...) {
    for (const ValueId id : chosen) {
      const auto half = kept_.find(seen.digests[static_cast<std::size_t>(id)]);
      if (half == kept_.end()) continue;  // no memory for it
      bytes_ -= static_cast<std::int64_t>(half->second.bytes) * images_.size;
      kept_.erase(half);
    }
    throw;
  }
  result.untimed = images_.size - timed;
  for (const Worker& worker : workers) result.seconds += worker.seconds / static_cast<double>(workers.size());
  computed_.insert(seen.digests.begin(), seen.digests.end());
  work_.run += whole * timed + sum(seen.work) * (images_.size - timed);
  work_.whole += whole * images_.size;
  return result;
}

}  // namespace bitsieve
