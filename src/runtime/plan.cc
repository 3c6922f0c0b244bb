#include "runtime/plan.h"

#include <algorithm>
#include <numeric>

namespace bitsieve {

Plan plan_memory(std::span<const Lifetime> lifetimes) {
  Plan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> order(lifetimes.size()), placed;
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  for (const std::size_t i : order) {
    if (lifetimes[i].bytes == 0) continue;
    const std::size_t bytes = (lifetimes[i].bytes + 63) / 64 * 64;
    // `placed` is sorted by offset: the first gap between the values alive at the same time.
    std::size_t at = 0;
    for (const std::size_t other : placed) {
      if (lifetimes[other].end < lifetimes[i].begin || lifetimes[i].end < lifetimes[other].begin) continue;
      if (plan.offsets[other] >= at + bytes) break;
      at = std::max(at, plan.offsets[other] + (lifetimes[other].bytes + 63) / 64 * 64);
    }
    plan.offsets[i] = at;
    plan.bytes = std::max(plan.bytes, at + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

std::vector<Lifetime> value_lifetimes(const QuantizedModel& model) {
  const Graph& graph = model.graph;
  std::vector<Lifetime> lifetimes(graph.values.size());
  const auto of = [&](ValueId id) -> Lifetime& { return lifetimes[static_cast<std::size_t>(id)]; };
  const auto last = static_cast<int>(graph.nodes.size());
  of(graph.input) = {value_bytes(model, graph.input), -1, -1};
  for (int i = 0; i < last; ++i) {
    const Node& node = graph.nodes[static_cast<std::size_t>(i)];
    of(node.output) = {value_bytes(model, node.output), i, i};
    for (const ValueId id : node.inputs) of(id).end = i;
  }
  of(graph.output).end = last;
  return lifetimes;
}

Rest rest_behind(const Graph& graph, const std::vector<bool>& known) {
  Rest rest{std::vector<bool>(graph.nodes.size()), std::vector<bool>(graph.values.size()), false};
  std::vector<bool> needed(graph.values.size());
  needed[static_cast<std::size_t>(graph.output)] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const auto output = static_cast<std::size_t>(graph.nodes[i].output);
    rest.reads[output] = needed[output] && known[output];
    rest.runs[i] = needed[output] && !known[output];
    if (!rest.runs[i]) continue;
    for (const ValueId id : graph.nodes[i].inputs) needed[static_cast<std::size_t>(id)] = !graph.is_constant(id);
  }
  const auto input = static_cast<std::size_t>(graph.input);
  rest.reads[input] = needed[input] && known[input];
  rest.image = needed[input] && !known[input];
  return rest;
}

std::size_t value_bytes(const QuantizedModel& model, ValueId id) {
  if (model.graph.is_constant(id)) return 0;
  const bool real = model.values[static_cast<std::size_t>(id)].type == DType::f32;
  return static_cast<std::size_t>(element_count(model.graph.shape(id))) * (real ? sizeof(float) : 1);
}

}  // namespace bitsieve
