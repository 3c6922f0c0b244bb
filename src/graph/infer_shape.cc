// Shapes of results.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "graph/graph.h"

namespace bitsieve {
namespace {

constexpr std::int64_t window_limit = std::int64_t{1} << 30, padding_limit = std::int64_t{1} << 20;

// How many inputs and parameters each operation has.
struct Arity {
  std::size_t least_inputs, most_inputs, least_params, most_params;
};

Arity arity(Op op) {
  constexpr std::size_t many = static_cast<std::size_t>(-1);
  switch (op) {
    case Op::conv:
    case Op::linear:
      return {1, 1, 1, 2};
    case Op::batch_norm:
      return {1, 1, 4, 4};
    case Op::matmul:
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
      return {2, 2, 0, 0};
    case Op::concat:
      return {1, many, 0, 0};
    default:
      return {1, 1, 0, 0};
  }
}

void check_arity(const Graph& graph, const Node& node) {
  const Arity a = arity(node.op);
  if (node.inputs.size() < a.least_inputs || node.inputs.size() > a.most_inputs) {
    fail("node '{}': {} with {} inputs", node.name, op_name(node.op), node.inputs.size());
  }
  if (node.params.size() < a.least_params || node.params.size() > a.most_params) {
    fail("node '{}': {} with {} parameters", node.name, op_name(node.op), node.params.size());
  }
  const auto known = [&](ValueId id) { return id >= 0 && static_cast<std::size_t>(id) < graph.values.size(); };
  if (!std::all_of(node.inputs.begin(), node.inputs.end(), known)) {
    fail("node '{}' reads a value that does not exist", node.name);
  }
}

// Pools only: whether some output would see nothing but padding along `axis`. Such windows are at the two ends.
bool sees_only_padding(const Window& w, std::int64_t in, std::int64_t out, std::size_t axis) {
  const auto blind = [&](std::int64_t o) {
    const std::int64_t start = o * w.stride[axis] - w.pad_before[axis];
    const std::int64_t tap = start < 0 ? (-start + w.dilation[axis] - 1) / w.dilation[axis] : 0;
    return tap >= w.kernel[axis] || start + tap * w.dilation[axis] >= in;
  };
  for (std::int64_t o = 0; o < out && o * w.stride[axis] < w.pad_before[axis]; ++o) {
    if (blind(o)) return true;
  }
  return blind(out - 1);
}

std::int64_t window_extent(const Node& node, std::int64_t in, std::size_t axis) {
  const Window& w = node.attributes.window;
  for (const std::int64_t v : {w.kernel[axis], w.stride[axis], w.dilation[axis]}) {
    if (v < 1 || v > window_limit)
      fail("node '{}': kernel, stride and dilation must be 1 to {}", node.name, window_limit);
  }
  for (const std::int64_t v : {w.pad_before[axis], w.pad_after[axis]}) {
    if (v < 0 || v > padding_limit) fail("node '{}': padding must be 0 to {}", node.name, padding_limit);
  }
  const std::int64_t span = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
  const std::int64_t padded = in + w.pad_before[axis] + w.pad_after[axis];
  if (padded < span) fail("node '{}': a window of {} does not fit an input of {} with padding", node.name, span, in);
  const std::int64_t out = (padded - span) / w.stride[axis] + 1;
  if (node.op != Op::conv && sees_only_padding(w, in, out, axis)) {
    fail("node '{}': a window of {} with padding {} and {} sees nothing of an input of {}", node.name, span,
         w.pad_before[axis], w.pad_after[axis], in);
  }
  return out;
}

}  // namespace

Shape infer_shape(const Graph& graph, const Node& node) {
  check_arity(graph, node);
  const Attributes& a = node.attributes;
  const Shape& in = graph.shape(node.inputs[0]);
  const auto need_plane = [&] {
    if (in.size() != 3)
      fail("node '{}': {} needs a feature map (C, H, W), not {}", node.name, op_name(node.op), to_string(in));
  };
  const auto need_axis = [&](std::int64_t axis) {
    if (axis < 0 || axis >= static_cast<std::int64_t>(in.size())) fail("node '{}': axis out of range", node.name);
  };
  const auto need_axes = [&] {
    std::set<std::int64_t> seen;
    for (const std::int64_t axis : a.axes) {
      need_axis(axis);
      if (!seen.insert(axis).second) fail("node '{}': axis {} is named twice", node.name, axis);
    }
  };
  switch (node.op) {
    case Op::conv: {
      need_plane();
      const Shape& w = node.weight().shape;
      const std::int64_t groups = a.window.groups;
      const bool fits = w.size() == 4 && groups >= 1 && w[0] >= 1 && w[0] % groups == 0 && in[0] % groups == 0 &&
                        w[1] == in[0] / groups && w[2] == a.window.kernel[0] && w[3] == a.window.kernel[1];
      if (!fits) {
        fail("node '{}': weights {} with {} groups do not fit an input of {}", node.name, to_string(w), groups,
             to_string(in));
      }
      if (node.bias() && element_count(node.bias()->shape) != w[0])
        fail("node '{}': bias has {} values, not {}", node.name, element_count(node.bias()->shape), w[0]);
      return {w[0], window_extent(node, in[1], 0), window_extent(node, in[2], 1)};
    }
    case Op::max_pool:
    case Op::average_pool:
      need_plane();
      return {in[0], window_extent(node, in[1], 0), window_extent(node, in[2], 1)};
    case Op::linear: {
      const Shape& w = node.weight().shape;
      if (in.empty() || w.size() != 2 || w[1] != in.back()) {
        fail("node '{}': weights {} do not fit an input of {}", node.name, to_string(w), to_string(in));
      }
      if (node.bias() && element_count(node.bias()->shape) != w[0])
        fail("node '{}': bias has {} values, not {}", node.name, element_count(node.bias()->shape), w[0]);
      Shape out = in;
      out.back() = w[0];
      return out;
    }
    case Op::matmul: {
      const Shape& b = graph.shape(node.inputs[1]);
      const bool fits = in.size() >= 2 && b.size() == in.size() && in.back() == b[b.size() - 2];
      // The second operand has one matrix for each of the first, or one for all.
      bool equal = true, single = true;
      for (std::size_t i = 0; fits && i + 2 < in.size(); ++i) {
        equal = equal && b[i] == in[i];
        single = single && b[i] == 1;
      }
      if (!fits || !(equal || single)) {
        fail("node '{}': {} x {} is not a matrix product", node.name, to_string(in), to_string(b));
      }
      Shape out = in;
      out.back() = b.back();
      return out;
    }
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
      try {
        return broadcast_shape(in, graph.shape(node.inputs[1]));
      } catch (const Error& e) {
        fail("node '{}': {}", node.name, e.what());
      }
    case Op::concat: {
      need_axis(a.axis);
      Shape out = in;
      for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        Shape part = graph.shape(node.inputs[i]);
        if (part.size() != in.size()) fail("node '{}': inputs of different ranks", node.name);
        out[static_cast<std::size_t>(a.axis)] += part[static_cast<std::size_t>(a.axis)];
        element_count(out);  // bounds the sum
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
        out[i] = (a.ends[i] - a.starts[i] - 1) / a.steps[i] + 1;
      }
      return out;
    }
    case Op::pad: {
      Shape out = in;
      if (a.before.size() != in.size() || a.after.size() != in.size())
        fail("node '{}': pads of another rank", node.name);
      constexpr std::int64_t limit = std::int64_t{1} << 30;
      for (std::size_t i = 0; i < in.size(); ++i) {
        if (a.before[i] < 0 || a.after[i] < 0 || a.before[i] > limit || a.after[i] > limit) {
          fail("node '{}': pads must be 0 to {}", node.name, limit);
        }
        out[i] += a.before[i] + a.after[i];
      }
      return out;
    }
    case Op::reduce_mean: {
      need_axes();
      Shape out;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const bool reduced = std::find(a.axes.begin(), a.axes.end(), static_cast<std::int64_t>(i)) != a.axes.end();
        if (!reduced) out.push_back(in[i]);
        if (reduced && a.keep_dims) out.push_back(1);
      }
      return out;
    }
    case Op::reshape:
      if (node.output < 0 || static_cast<std::size_t>(node.output) >= graph.values.size())
        fail("node '{}': bad output", node.name);
      if (element_count(in) != element_count(graph.shape(node.output))) {
        fail("node '{}': {} cannot be reshaped to {}", node.name, to_string(in), to_string(graph.shape(node.output)));
      }
      return graph.shape(node.output);
    case Op::transpose: {
      Shape out;
      if (a.axes.size() != in.size()) fail("node '{}': permutation of another rank", node.name);
      need_axes();
      for (const std::int64_t axis : a.axes) out.push_back(in[static_cast<std::size_t>(axis)]);
      return out;
    }
    case Op::softmax:
      need_axis(a.axis);
      return in;
    case Op::batch_norm:
      for (const Tensor& t : node.params) {
        if (in.empty() || t.size() != in[0])
          fail("node '{}': parameters do not fit {} channels", node.name, in.empty() ? 0 : in[0]);
      }
      return in;
    default:
      return in;
  }
}

}  // namespace bitsieve
