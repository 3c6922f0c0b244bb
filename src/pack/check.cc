#include "pack/check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "pack/check_shifts.h"

namespace bitsieve {
namespace pack {
namespace {

struct Layer {
  const QuantizedModel& model;
  const Node& node;
  const LayerCode& code;

  const ValueCode& value(ValueId id) const { return model.values[static_cast<std::size_t>(id)]; }
  const ValueCode& input(std::size_t k = 0) const { return value(node.inputs[k]); }
  const ValueCode& output() const { return value(node.output); }
  const Shape& input_shape() const { return model.graph.shape(node.inputs[0]); }

  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail("node '{}': {}", node.name, fmt::format(format, std::forward<Args>(args)...));
  }
  void need_size(const char* what, std::size_t size, std::int64_t wanted) const {
    if (static_cast<std::int64_t>(size) != wanted) bad("{} {}, not {}", size, what, wanted);
  }
};

void check_value_code(const Value& value, const ValueCode& code) {
  if (!(code.scale > 0) || !std::isfinite(code.scale))
    fail("value '{}': scale {} is not above 0 and finite", value.name, code.scale);
  if (code.type != DType::f32 && code.type != DType::u8 && code.type != DType::s8)
    fail("value '{}': unknown type", value.name);
  if (value.constant && code.type != DType::f32) fail("constant '{}' has an 8-bit code", value.name);
}

void check_float(const Layer& l) {
  const LayerCode& c = l.code;
  if (!c.weight.empty() || !c.weight_scale.empty() || !c.bias.empty() || !c.multiplier.empty() || !c.operand.empty() ||
      !c.table.empty() || !c.constant.empty() || c.transform.active || c.shifts.active()) {
    l.bad("it is computed in float but holds integers");
  }
  for (const Tensor& t : l.node.params)
    if (t.data.empty()) l.bad("it is computed in float but has no float weights");
}

void check_clamp(const Layer& l) {
  const DType type = l.output().type;
  const std::int32_t least = type == DType::s8   ? -127
                             : type == DType::u8 ? 0
                                                 : -128,
                     most = type == DType::s8 ? 127 : 255;
  if (l.code.lo < least || l.code.lo > l.code.hi || l.code.hi > most) {
    l.bad("clamp [{}, {}] is not inside [{}, {}]", l.code.lo, l.code.hi, least, most);
  }
}

void check_transform(const Layer& l) {
  const ActivationTransform& t = l.code.transform;
  if (!t.active) return;
  if (t.pair[0] != 0 || t.lone[0] != 0) l.bad("its activation transform does not keep 0 at 0");
  if (l.input().type != DType::s8) return;
  for (const auto* table : {&t.pair, &t.lone}) {
    if (std::find(table->begin(), table->end(), 0x80) != table->end())
      l.bad("its activation transform makes -128 of a signed value");
  }
}

// SPARQ's 2:4 mode runs on at most two weights in four.
void check_two_of_four(const Layer& l, std::int64_t k) {
  if (!l.code.transform.active || !l.code.transform.two_of_four) return;
  const auto& w = l.code.weight;
  for (std::size_t row = 0; row < w.size(); row += static_cast<std::size_t>(k)) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(k); at += 4) {
      const auto first = w.begin() + static_cast<std::ptrdiff_t>(row + at);
      const std::ptrdiff_t size = std::min<std::ptrdiff_t>(4, k - static_cast<std::ptrdiff_t>(at));
      if (size - std::count(first, first + size, std::int8_t{0}) > 2) {
        l.bad("2:4 mode with more than two non-zero weights in a group of four");
      }
    }
  }
}

void check_weights(const Layer& l) {
  const LayerCode& c = l.code;
  const Tensor& weight = l.node.weight();
  const std::int64_t outputs = weight.shape[0], k = element_count(weight.shape) / outputs;
  if (l.node.op == Op::linear && l.input_shape().size() == 3)
    l.bad("a matrix product on a feature map has no integer form");
  check_name(c.weight_code, "a weight code");
  check_name(c.act_code, "an activation code");
  if (c.weight_bits < 2 || c.weight_bits > 8) l.bad("{} bits a weight, not 2 to 8", c.weight_bits);
  if (c.act_bits < 1 || c.act_bits > 8) l.bad("{} bits an activation, not 1 to 8", c.act_bits);
  l.need_size("weights", c.weight.size(), outputs * k);
  l.need_size("weight scales", c.weight_scale.size(), outputs);
  l.need_size("biases", c.bias.size(), outputs);
  l.need_size("multipliers", c.multiplier.size(), outputs);
  const std::int32_t top = (1 << (c.weight_bits - 1)) - 1;
  constexpr std::int64_t longest_sum = std::numeric_limits<std::int32_t>::max(), activation = 255;
  for (std::int64_t o = 0; o < outputs; ++o) {
    const auto at = static_cast<std::size_t>(o);
    // A magnitude of 255 is above every activation, so this bounds each partial sum too. Where any weights would do,
    // they need not be read: a network's are most of its file.
    std::int64_t sum = std::abs(std::int64_t{c.bias[at]});
    if (c.weight_bits < 8 || k > longest_sum / activation / 128 - 1 || sum + k * 128 * activation > longest_sum) {
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int32_t w = c.weight[static_cast<std::size_t>(o * k + i)];
        if (w < -top - 1 || w > top) l.bad("weight {} in {} bits", w, c.weight_bits);
        sum += activation * std::abs(w);
      }
    }
    if (sum > std::numeric_limits<std::int32_t>::max()) l.bad("the sum of output channel {} can overflow", o);
    const float scale = c.weight_scale[at];
    if (!(scale > 0 || scale < 0)) l.bad("weight scale {} is not a number other than 0", scale);
    // What the integers stand for has to be a number as well.
    if (!std::isfinite(scale * 128) ||
        !std::isfinite(static_cast<float>(static_cast<double>(c.bias[at]) * l.input().scale * scale))) {
      l.bad("weight scale {} is too large", scale);
    }
  }
  if (c.shifts.active()) check_shifts(c.shifts, c.weight, outputs, fmt::format("node '{}'", l.node.name));
  check_transform(l);
  check_two_of_four(l, k);
}

// One row per operator: how many numbers it has, and what else running relies on (runtime/reference/integer_ops.cc).
void check_operator(const Layer& l) {
  const LayerCode& c = l.code;
  const Window& w = l.node.attributes.window;
  const std::int64_t taps = w.kernel[0] * w.kernel[1];
  constexpr std::int64_t max_summands = std::numeric_limits<std::int32_t>::max() / 255;
  std::int64_t multipliers = 0, operands = 0, entries = 0;
  switch (l.node.op) {
    case Op::conv:
    case Op::linear:
      multipliers = l.node.weight().shape[0];
      check_weights(l);
      break;
    case Op::add:
    case Op::sub:
      multipliers = 1;
      operands = 2;
      break;
    case Op::mul:
      multipliers = 1;
      break;
    case Op::concat:
    case Op::slice:
    case Op::pad:
    case Op::reshape:
    case Op::transpose:
      multipliers = static_cast<std::int64_t>(l.node.inputs.size());
      break;
    case Op::max_pool:
      multipliers = 1;
      if (l.input().type != l.output().type || l.input().scale != l.output().scale)
        l.bad("max_pool changes the code of its values");
      break;
    case Op::average_pool:
      multipliers = taps + 1;
      if (taps > max_summands) l.bad("the sum of a window of {} can overflow", taps);
      break;
    case Op::reduce_mean: {
      multipliers = 1;
      const Shape& in = l.input_shape();
      if (in.size() != 3 || l.node.attributes.axes != std::vector<std::int64_t>{1, 2})
        l.bad("only means over whole planes have an integer form");
      if (in[1] * in[2] > max_summands) l.bad("the sum of a plane of {} can overflow", in[1] * in[2]);
      break;
    }
    case Op::relu:
    case Op::leaky_relu:
    case Op::clip:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::hard_swish:
      entries = 256;
      break;
    case Op::matmul:
      multipliers = 1;
      if (l.input_shape().size() < 2 || l.model.graph.shape(l.node.inputs[1]).size() < 2)
        l.bad("it multiplies vectors");
      if (l.input_shape().back() > longest_matmul_sum)
        l.bad("sums of {} products can overflow", l.input_shape().back());
      break;
    case Op::batch_norm:
    case Op::div:
    case Op::softmax:
      l.bad("{} has no integer form", op_name(l.node.op));
  }
  l.need_size("multipliers", c.multiplier.size(), multipliers);
  l.need_size("operands", c.operand.size(), operands);
  l.need_size("table entries", c.table.size(), entries);
  if (l.output().type == DType::s8 && std::find(c.table.begin(), c.table.end(), 0x80) != c.table.end()) {
    l.bad("its table holds -128");
  }
  for (const std::int32_t factor : c.operand) {
    if (factor < std::numeric_limits<std::int16_t>::min() || factor > std::numeric_limits<std::int16_t>::max()) {
      l.bad("factor {} does not fit 16 bits", factor);
    }
  }
  for (const float m : c.multiplier) {
    if (!std::isfinite(m) || (m < 0 && !has_weights(l.node))) l.bad("multiplier {} is not a finite number from 0", m);
  }
}

void check_integer(const Layer& l) {
  const bool binary = l.node.op == Op::add || l.node.op == Op::sub || l.node.op == Op::mul;
  std::int64_t constants = 0;  // elements of constant operands
  for (std::size_t k = 0; k < l.node.inputs.size(); ++k) {
    const ValueId id = l.node.inputs[k];
    if (binary && constants == 0 && l.model.graph.is_constant(id)) {
      constants = element_count(l.model.graph.shape(id));
    } else if (l.model.graph.is_constant(id) || l.input(k).type == DType::f32) {
      l.bad("an integer node reads a value without an 8-bit code");
    }
  }
  l.need_size("constant integers", l.code.constant.size(), constants);
  if (std::find(l.code.constant.begin(), l.code.constant.end(), std::int8_t{-128}) != l.code.constant.end())
    l.bad("its constant holds -128");
  if (!has_weights(l.node)) {
    if (l.output().type == DType::f32 && l.node.op != Op::matmul)
      l.bad("an integer {} writes a float value", op_name(l.node.op));
    if (!l.code.weight.empty() || !l.code.weight_scale.empty() || !l.code.bias.empty() || l.code.transform.active ||
        l.code.shifts.active())
      l.bad("{} has no weights", op_name(l.node.op));
  }
  check_clamp(l);
  check_operator(l);
}

}  // namespace

void check_codes(const QuantizedModel& model) {
  const Graph& graph = model.graph;
  if (model.values.size() != graph.values.size() || model.layers.size() != graph.nodes.size()) {
    fail("{} value codes for {} values, {} layer codes for {} nodes", model.values.size(), graph.values.size(),
         model.layers.size(), graph.nodes.size());
  }
  for (std::size_t i = 0; i < graph.values.size(); ++i) check_value_code(graph.values[i], model.values[i]);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Layer layer{model, graph.nodes[i], model.layers[i]};
    layer.code.integer ? check_integer(layer) : check_float(layer);
  }
}

}  // namespace pack

void validate(const QuantizedModel& model, const std::string& origin) {
  try {
    pack::check_graph(model.graph);
    pack::check_codes(model);
  } catch (const Error& error) {
    fail("'{}': {}", origin, error.what());
  }
}

}  // namespace bitsieve
