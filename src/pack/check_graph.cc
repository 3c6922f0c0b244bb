// The graph of a model from anywhere: bitsieve::validate(graph), what it takes for granted, and limits.
#include <algorithm>

#include "base/error.h"
#include "pack/check.h"

namespace bitsieve::pack {
namespace {

void check_value(const Value& value) {
  check_name(value.name, "a value's name");
  if (value.shape.size() > max_rank) {
    fail("value '{}': rank {}, at most {} is accepted", value.name, value.shape.size(), max_rank);
  }
  for (const std::int64_t extent : value.shape) {
    if (extent < 1 || extent > max_extent) fail("value '{}': extent {} is not 1 to 2^30", value.name, extent);
  }
}

void check_node(const Node& node) {
  check_name(node.name, "a node's name");
  if (node.op == Op::batch_norm) fail("node '{}': batch norms must be folded", node.name);
  // Everything else is bounded by the shapes.
  for (const std::int64_t step : node.attributes.steps) {
    if (step > max_extent) fail("node '{}': a step of {} is not 1 to 2^30", node.name, step);
  }
}

// A conv or pool has a pointer for every tap of every output place.
void check_window(const Graph& graph, const Node& node) {
  if (node.op != Op::conv && node.op != Op::max_pool && node.op != Op::average_pool) return;
  const Shape& out = graph.shape(node.output);
  const Window& w = node.attributes.window;
  if (w.kernel[0] * w.kernel[1] > max_window_steps / (out[1] * out[2])) {
    fail("node '{}': its windows are too large", node.name);
  }
}

}  // namespace

void check_name(std::string_view name, const std::string& where) {
  if (name.size() > max_name) fail("{}: a name of {} bytes, at most {} are accepted", where, name.size(), max_name);
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) fail("{}: a name holds a control character", where);
  }
}

void check_graph(const Graph& graph) {
  check_name(graph.name, "the model's name");
  if (graph.values.size() > max_records || graph.nodes.size() > max_records) {
    fail("{} values and {} nodes, at most {} are accepted", graph.values.size(), graph.nodes.size(), max_records);
  }
  std::int64_t elements = 0;
  for (const Value& value : graph.values) {
    check_value(value);
    elements += value.constant ? 0 : std::min(element_count(value.shape), max_elements + 1);
    if (elements > max_elements) fail("the values of one image have more than {} elements", max_elements);
  }
  for (const Node& node : graph.nodes) check_node(node);
  validate(graph, true);  // check_codes wants elements where they are used
  if (graph.is_constant(graph.output)) fail("the output is a constant");
  for (const Node& node : graph.nodes) check_window(graph, node);
}

}  // namespace bitsieve::pack
