#include "graph/graph.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"

namespace bitsieve {
namespace {

struct OpName {
  Op op;
  const char* name;
};

constexpr OpName op_names[] = {
    {Op::conv, "conv"}, {Op::linear, "linear"}, {Op::matmul, "matmul"}, {Op::batch_norm, "batch_norm"},
    {Op::relu, "relu"}, {Op::leaky_relu, "leaky_relu"}, {Op::clip, "clip"}, {Op::sigmoid, "sigmoid"},
    {Op::hard_sigmoid, "hard_sigmoid"}, {Op::hard_swish, "hard_swish"}, {Op::add, "add"}, {Op::sub, "sub"},
    {Op::mul, "mul"}, {Op::div, "div"}, {Op::concat, "concat"}, {Op::slice, "slice"}, {Op::pad, "pad"},
    {Op::max_pool, "max_pool"}, {Op::average_pool, "average_pool"}, {Op::reduce_mean, "reduce_mean"},
    {Op::reshape, "reshape"}, {Op::transpose, "transpose"}, {Op::softmax, "softmax"},
};

std::int64_t window_extent(const Node& node, std::int64_t in, std::size_t axis) {
  const Window& w = node.attributes.window;
  if (w.kernel[axis] < 1 || w.stride[axis] < 1 || w.dilation[axis] < 1 || w.pad_before[axis] < 0) {
    fail("node '{}': kernel, stride and dilation must be positive, padding not negative", node.name);
  }
  const std::int64_t span = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
  const std::int64_t out = (in + w.pad_before[axis] + w.pad_after[axis] - span) / w.stride[axis] + 1;
  if (in + w.pad_before[axis] + w.pad_after[axis] < span || out < 1) {
    fail("node '{}': a window of {} does not fit an input of {} with padding", node.name, span, in);
  }
  return out;
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

Shape infer_shape(const Graph& graph, const Node& node) {
  const Attributes& a = node.attributes;
  if (node.inputs.empty()) fail("node '{}': it has no input", node.name);
  const Shape& in = graph.shape(node.inputs[0]);
  const auto need_plane = [&] {
    if (in.size() != 3) fail("node '{}': {} needs a feature map (C, H, W), not {}", node.name, op_name(node.op), to_string(in));
  };
  const auto need_axis = [&](std::int64_t axis) {
    if (axis < 0 || axis >= static_cast<std::int64_t>(in.size())) fail("node '{}': axis out of range", node.name);
  };
  switch (node.op) {
    case Op::conv: {
      need_plane();
      const Shape& w = node.weight().shape;
      const std::int64_t groups = a.window.groups;
      if (w.size() != 4 || groups < 1 || w[0] < 1 || w[0] % groups || w[1] * groups != in[0] || w[2] != a.window.kernel[0] ||
          w[3] != a.window.kernel[1]) {
        fail("node '{}': weights {} with {} groups do not fit an input of {}", node.name, to_string(w), groups, to_string(in));
      }
      if (node.bias() && node.bias()->size() != w[0]) fail("node '{}': bias has {} values, not {}", node.name, node.bias()->size(), w[0]);
      return {w[0], window_extent(node, in[1], 0), window_extent(node, in[2], 1)};
    }
    case Op::max_pool: case Op::average_pool:
      need_plane();
      return {in[0], window_extent(node, in[1], 0), window_extent(node, in[2], 1)};
    case Op::linear: {
      const Shape& w = node.weight().shape;
      if (in.empty() || w.size() != 2 || w[1] != in.back()) {
        fail("node '{}': weights {} do not fit an input of {}", node.name, to_string(w), to_string(in));
      }
      if (node.bias() && node.bias()->size() != w[0]) fail("node '{}': bias has {} values, not {}", node.name, node.bias()->size(), w[0]);
      Shape out = in;
      out.back() = w[0];
      return out;
    }
    case Op::matmul: {
      const Shape& b = graph.shape(node.inputs.at(1));
      if (in.size() < 2 || b.size() != in.size() || in.back() != b[b.size() - 2]) {
        fail("node '{}': {} x {} is not a matrix product", node.name, to_string(in), to_string(b));
      }
      Shape out = in;
      out.back() = b.back();
      return out;
    }
    case Op::add: case Op::sub: case Op::mul: case Op::div: return broadcast_shape(in, graph.shape(node.inputs.at(1)));
    case Op::concat: {
      need_axis(a.axis);
      Shape out = in;
      for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        Shape part = graph.shape(node.inputs[i]);
        if (part.size() != in.size()) fail("node '{}': inputs of different ranks", node.name);
        out[static_cast<std::size_t>(a.axis)] += part[static_cast<std::size_t>(a.axis)];
        part[static_cast<std::size_t>(a.axis)] = in[static_cast<std::size_t>(a.axis)];
        if (part != in) fail("node '{}': {} and {} do not concatenate", node.name, to_string(in), to_string(part));
      }
      return out;
    }
    case Op::slice: {
      Shape out = in;
      if (a.starts.size() != in.size() || a.ends.size() != in.size() || a.steps.size() != in.size()) {
        fail("node '{}': slice of another rank", node.name);
      }
      for (std::size_t i = 0; i < in.size(); ++i) {
        if (a.steps[i] < 1 || a.starts[i] < 0 || a.ends[i] > in[i] || a.ends[i] <= a.starts[i]) {
          fail("node '{}': slice out of range, empty or with a negative step", node.name);
        }
        out[i] = (a.ends[i] - a.starts[i] + a.steps[i] - 1) / a.steps[i];
      }
      return out;
    }
    case Op::pad: {
      Shape out = in;
      if (a.before.size() != in.size() || a.after.size() != in.size()) fail("node '{}': pads of another rank", node.name);
      constexpr std::int64_t limit = 1 << 20;
      for (std::size_t i = 0; i < in.size(); ++i) {
        if (a.before[i] < 0 || a.after[i] < 0 || a.before[i] > limit || a.after[i] > limit) {
          fail("node '{}': pads must be 0 to {}", node.name, limit);
        }
        out[i] += a.before[i] + a.after[i];
      }
      return out;
    }
    case Op::reduce_mean: {
      Shape out;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const bool reduced = std::find(a.axes.begin(), a.axes.end(), static_cast<std::int64_t>(i)) != a.axes.end();
        if (!reduced) out.push_back(in[i]);
        if (reduced && a.keep_dims) out.push_back(1);
      }
      for (const std::int64_t axis : a.axes) need_axis(axis);
      return out;
    }
    case Op::reshape:
      if (element_count(in) != element_count(graph.shape(node.output))) {
        fail("node '{}': {} cannot be reshaped to {}", node.name, to_string(in), to_string(graph.shape(node.output)));
      }
      return graph.shape(node.output);
    case Op::transpose: {
      Shape out;
      if (a.axes.size() != in.size()) fail("node '{}': permutation of another rank", node.name);
      for (const std::int64_t axis : a.axes) {
        need_axis(axis);
        out.push_back(in[static_cast<std::size_t>(axis)]);
      }
      return out;
    }
    case Op::softmax: need_axis(a.axis); return in;
    case Op::batch_norm:
      for (const Tensor& t : node.params) {
        if (in.empty() || t.size() != in[0]) fail("node '{}': parameters do not fit {} channels", node.name, in.empty() ? 0 : in[0]);
      }
      return in;
    default: return in;
  }
}

void validate(const Graph& graph) {
  const auto count = static_cast<ValueId>(graph.values.size());
  const auto in_range = [&](ValueId id) { return id >= 0 && id < count; };
  if (!in_range(graph.input) || !in_range(graph.output)) fail("model '{}' has no input or no output", graph.name);
  std::vector<bool> known(graph.values.size(), false);
  known[static_cast<std::size_t>(graph.input)] = true;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    element_count(value.shape);
    if (!value.constant) continue;
    known[i] = true;
    if (value.constant->shape != value.shape) fail("constant '{}': its shape differs from its data's", value.name);
    for (const float x : value.constant->data) {
      if (!std::isfinite(x)) fail("constant '{}' holds a value that is not finite", value.name);
    }
  }
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    if (node.name.empty() || !names.insert(node.name).second) fail("node name '{}' is empty or not unique", node.name);
    for (const ValueId id : node.inputs) {
      if (!in_range(id) || !known[static_cast<std::size_t>(id)]) fail("node '{}' reads a value that is not computed before it", node.name);
    }
    if (!in_range(node.output) || known[static_cast<std::size_t>(node.output)]) fail("node '{}': bad output", node.name);
    known[static_cast<std::size_t>(node.output)] = true;
    for (const Tensor& t : node.params) {
      for (const float x : t.data) {
        if (!std::isfinite(x)) fail("node '{}' has a weight that is not finite", node.name);
      }
    }
    const Shape inferred = infer_shape(graph, node);
    if (inferred != graph.shape(node.output)) {
      fail("node '{}': its output is {}, recorded is {}", node.name, to_string(inferred), to_string(graph.shape(node.output)));
    }
  }
  if (!known[static_cast<std::size_t>(graph.output)]) fail("model '{}': its output is not computed", graph.name);
}

std::int64_t macs(const Graph& graph, const Node& node) {
  const std::int64_t out = element_count(graph.shape(node.output));
  if (node.op == Op::conv) {
    const Shape& w = node.weight().shape;
    return out * w[1] * w[2] * w[3];
  }
  if (node.op == Op::linear) return out * node.weight().shape[1];
  if (node.op == Op::matmul) return out * graph.shape(node.inputs[0]).back();
  return 0;
}

}  // namespace bitsieve
