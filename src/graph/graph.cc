#include "graph/graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"

namespace bitsieve {
namespace {

struct OpName {
  Op op;
  const char* name;
};

constexpr OpName op_names[] = {
    {Op::conv, "conv"},
    {Op::linear, "linear"},
    {Op::matmul, "matmul"},
    {Op::batch_norm, "batch_norm"},
    {Op::relu, "relu"},
    {Op::leaky_relu, "leaky_relu"},
    {Op::clip, "clip"},
    {Op::sigmoid, "sigmoid"},
    {Op::hard_sigmoid, "hard_sigmoid"},
    {Op::hard_swish, "hard_swish"},
    {Op::add, "add"},
    {Op::sub, "sub"},
    {Op::mul, "mul"},
    {Op::div, "div"},
    {Op::concat, "concat"},
    {Op::slice, "slice"},
    {Op::pad, "pad"},
    {Op::max_pool, "max_pool"},
    {Op::average_pool, "average_pool"},
    {Op::reduce_mean, "reduce_mean"},
    {Op::reshape, "reshape"},
    {Op::transpose, "transpose"},
    {Op::softmax, "softmax"},
};

void check_finite(const Node& node, bool shapes_do) {
  const bool may_be_empty = shapes_do && (node.op == Op::conv || node.op == Op::linear);
  for (const Tensor& t : node.params) {
    if (may_be_empty && t.data.empty()) continue;
    if (static_cast<std::int64_t>(t.data.size()) != element_count(t.shape)) {
      fail("node '{}' has a weight of {} with {} elements", node.name, to_string(t.shape), t.data.size());
    }
    for (const float x : t.data) {
      if (!std::isfinite(x)) fail("node '{}' has a weight that is not finite", node.name);
    }
  }
  const Attributes& a = node.attributes;
  for (const float x : {a.alpha, a.beta, a.epsilon, a.value}) {
    if (!std::isfinite(x)) fail("node '{}' has an attribute that is not finite", node.name);
  }
  constexpr float infinity = std::numeric_limits<float>::infinity();
  if (node.op == Op::clip && !(a.lo <= a.hi && a.lo < infinity && a.hi > -infinity)) {
    fail("node '{}': it clips to {} ... {}", node.name, a.lo, a.hi);
  }
  if (!(node.clamp_lo <= node.clamp_hi && node.clamp_lo < infinity && node.clamp_hi > -infinity)) {
    fail("node '{}': it clamps to {} ... {}", node.name, node.clamp_lo, node.clamp_hi);
  }
  if (node.op != Op::batch_norm) return;
  for (const float variance : node.params[3].data) {
    if (!(variance + a.epsilon > 0)) fail("node '{}': a variance plus epsilon is not positive", node.name);
  }
}

}  // namespace

const char* op_name(Op op) {
  for (const OpName& row : op_names) {
    if (row.op == op) return row.name;
  }
  return "?";
}

int Graph::producer(ValueId id) const {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].output == id) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> Graph::consumers(ValueId id) const {
  std::vector<int> result;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (std::find(nodes[i].inputs.begin(), nodes[i].inputs.end(), id) != nodes[i].inputs.end()) {
      result.push_back(static_cast<int>(i));
    }
  }
  return result;
}

ValueId Graph::add_value(std::string value_name, Shape value_shape) {
  values.push_back({std::move(value_name), std::move(value_shape), nullptr});
  return static_cast<ValueId>(values.size() - 1);
}

void validate(const Graph& graph, bool shapes_do) {
  const auto count = static_cast<ValueId>(graph.values.size());
  const auto in_range = [&](ValueId id) { return id >= 0 && id < count; };
  if (!in_range(graph.input) || !in_range(graph.output)) fail("model '{}' has no input or no output", graph.name);
  std::vector<bool> known(graph.values.size(), false);
  known[static_cast<std::size_t>(graph.input)] = true;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    const std::int64_t elements = element_count(value.shape);
    if (!value.constant) continue;
    known[i] = true;
    if (value.constant->shape != value.shape || value.constant->size() != elements)
      fail("constant '{}': its shape differs from its data's", value.name);
    for (const float x : value.constant->data) {
      if (!std::isfinite(x)) fail("constant '{}' holds a value that is not finite", value.name);
    }
  }
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    if (node.name.empty() || !names.insert(node.name).second) fail("node name '{}' is empty or not unique", node.name);
    for (const ValueId id : node.inputs) {
      if (!in_range(id) || !known[static_cast<std::size_t>(id)])
        fail("node '{}' reads a value that is not computed before it", node.name);
    }
    if (!in_range(node.output) || known[static_cast<std::size_t>(node.output)])
      fail("node '{}': bad output", node.name);
    known[static_cast<std::size_t>(node.output)] = true;
    const Shape inferred = infer_shape(graph, node);
    check_finite(node, shapes_do);
    if (inferred != graph.shape(node.output)) {
      fail("node '{}': its output is {}, recorded is {}", node.name, to_string(inferred),
           to_string(graph.shape(node.output)));
    }
  }
  if (graph.is_constant(graph.input)) fail("model '{}': its input is a constant", graph.name);
  if (!known[static_cast<std::size_t>(graph.output)]) fail("model '{}': its output is not computed", graph.name);
}

std::int64_t macs(const Graph& graph, const Node& node) {
  std::int64_t total = element_count(graph.shape(node.output));
  const auto times = [&](std::int64_t factor) {
    // Shapes alone may promise more than 64 bits hold.
    if (__builtin_mul_overflow(total, factor, &total)) total = std::numeric_limits<std::int64_t>::max();
  };
  if (node.op == Op::conv) {
    const Shape& w = node.weight().shape;
    for (std::size_t i = 1; i < 4; ++i) times(w[i]);
    return total;
  }
  if (node.op != Op::linear && node.op != Op::matmul) return 0;
  times(node.op == Op::linear ? node.weight().shape[1] : graph.shape(node.inputs[0]).back());
  return total;
}

std::vector<bool> outermost_layers(const Graph& graph) {
  std::vector<bool> result(graph.nodes.size());
  std::vector<bool> before(graph.values.size()), after(graph.values.size());  // no layer lies before, after the value
  const auto at = [](ValueId id) { return static_cast<std::size_t>(id); };
  if (graph.input >= 0) before[at(graph.input)] = true;
  if (graph.output >= 0) after[at(graph.output)] = true;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    bool open = false;
    for (const ValueId in : node.inputs) open = open || before[at(in)];
    if (has_weights(node)) {
      result[i] = open;
    } else {
      before[at(node.output)] = open;
    }
  }
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const bool open = after[at(node.output)];
    if (has_weights(node)) {
      result[i] = result[i] || open;
    } else if (open) {
      for (const ValueId in : node.inputs) after[at(in)] = true;
    }
  }
  return result;
}

}  // namespace bitsieve
