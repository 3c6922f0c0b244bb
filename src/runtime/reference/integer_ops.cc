#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "quant/requantize.h"
#include "runtime/layout.h"
#include "runtime/reference/move.h"
#include "runtime/reference/ops.h"

namespace bitsieve::reference {
namespace {

// The integer behind an 8-bit pattern.
std::int32_t integer(std::uint8_t pattern, DType type) {
  return type == DType::s8 ? static_cast<std::int8_t>(pattern) : static_cast<std::int32_t>(pattern);
}

struct Context {
  const QuantizedModel& model;
  const Node& node;
  const LayerCode& layer;
  const Graph& graph;
  const ValueCode& code(ValueId id) const { return model.values[static_cast<std::size_t>(id)]; }
};

// The 2:4 sum of one output: in each group of four, the kept weights choose the pair (specification of SPARQ, A.3).
// x and w hold k entries in the order kernel row, kernel column, channel.
std::int32_t two_of_four_dot(const std::uint8_t* x, const std::int16_t* w, std::int64_t k, DType type,
                             const ActivationTransform& t) {
  std::int32_t acc = 0;
  for (std::int64_t group = 0; group < k; group += 4) {
    std::uint8_t kept_x[2] = {0, 0};
    std::int32_t kept_w[2] = {0, 0};
    int kept = 0;
    for (std::int64_t i = group; i < std::min(group + 4, k); ++i) {
      if (w[i] == 0) continue;
      if (kept == 2) fail("2:4 mode needs at most two non-zero weights in each group of four along the input channels");
      kept_x[kept] = x[i];
      kept_w[kept++] = w[i];
    }
    for (int i = 0; i < 2; ++i) {
      const auto& table = t.paired && kept_x[1 - i] == 0 ? t.lone : t.pair;
      acc += integer(table[kept_x[i]], type) * kept_w[i];
    }
  }
  return acc;
}

// One output pixel's inputs x in K order, seen by every output channel: the effective activations E of the dense mode
// (specification of SPARQ, A.8) are computed once.
class Column {
 public:
  Column(std::int64_t k, DType type, const ActivationTransform& transform)
      : x(static_cast<std::size_t>(k)), effective_(static_cast<std::size_t>(k)), type_(type), transform_(transform) {}

  void apply() {
    if (transform_.active && transform_.two_of_four) return;
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::uint8_t value = x[i];
      if (transform_.active) {
        const std::size_t partner = i ^ 1;
        const bool lone = transform_.paired && (partner >= x.size() || x[partner] == 0);
        value = lone ? transform_.lone[value] : transform_.pair[value];
      }
      effective_[i] = static_cast<std::int16_t>(integer(value, type_));
    }
  }

  std::int32_t dot(const std::int16_t* w) const {
    const auto k = static_cast<std::int64_t>(x.size());
    if (transform_.active && transform_.two_of_four) return two_of_four_dot(x.data(), w, k, type_, transform_);
    const std::int16_t* e = effective_.data();
    std::int32_t acc = 0;
    for (std::int64_t i = 0; i < k; ++i) acc += std::int32_t{e[i]} * w[i];
    return acc;
  }

  std::vector<std::uint8_t> x;  // 8-bit patterns

 private:
  std::vector<std::int16_t> effective_;
  DType type_;
  const ActivationTransform& transform_;
};

void finish(const Context& c, std::int64_t channel, std::int32_t acc, std::int64_t at, void* y) {
  const float multiplier = c.layer.multiplier[static_cast<std::size_t>(channel)];
  if (c.code(c.node.output).type == DType::f32) {
    static_cast<float*>(y)[at] =
        std::min(std::max(static_cast<float>(acc) * multiplier, c.node.clamp_lo), c.node.clamp_hi);
  } else {
    static_cast<std::uint8_t*>(y)[at] = static_cast<std::uint8_t>(requantize(acc, multiplier, c.layer.lo, c.layer.hi));
  }
}

void conv(const Context& c, const std::uint8_t* x, void* y) {
  const Shape& in = c.graph.shape(c.node.inputs[0]);
  const Shape& out = c.graph.shape(c.node.output);
  const Window& w = c.node.attributes.window;
  const DType type = c.code(c.node.inputs[0]).type;
  const std::int64_t depth = in[0] / w.groups, taps = w.kernel[0] * w.kernel[1], k = depth * taps;
  const std::int64_t per_group = out[0] / w.groups;
  const std::vector<std::int16_t> weight(c.layer.weight.begin(), c.layer.weight.end());
  Column column(k, type, c.layer.transform);
  for (std::int64_t oy = 0; oy < out[1]; ++oy) {
    for (std::int64_t ox = 0; ox < out[2]; ++ox) {
      for (std::int64_t g = 0; g < w.groups; ++g) {
        std::fill(column.x.begin(), column.x.end(), std::uint8_t{0});  // padding is 0: zero points are 0
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
          const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
          if (iy < 0 || iy >= in[1] || ix < 0 || ix >= in[2]) continue;
          std::copy_n(x + (iy * in[2] + ix) * in[0] + g * depth, depth, column.x.data() + tap * depth);
        }
        column.apply();
        for (std::int64_t o = g * per_group; o < (g + 1) * per_group; ++o) {
          const std::int32_t acc = c.layer.bias[static_cast<std::size_t>(o)] + column.dot(weight.data() + o * k);
          finish(c, o, acc, (oy * out[2] + ox) * out[0] + o, y);
        }
      }
    }
  }
}

void linear(const Context& c, const std::uint8_t* x, void* y) {
  const Shape& in = c.graph.shape(c.node.inputs[0]);
  const Shape& out = c.graph.shape(c.node.output);
  if (in.size() == 3) fail("node '{}': a matrix product on a feature map has no integer form", c.node.name);
  const std::int64_t k = in.back(), n = out.back();
  const std::vector<std::int16_t> weight(c.layer.weight.begin(), c.layer.weight.end());
  Column column(k, c.code(c.node.inputs[0]).type, c.layer.transform);
  for (std::int64_t row = 0; row < element_count(in) / k; ++row) {
    std::copy_n(x + row * k, k, column.x.begin());
    column.apply();
    for (std::int64_t o = 0; o < n; ++o) {
      finish(c, o, c.layer.bias[static_cast<std::size_t>(o)] + column.dot(weight.data() + o * k), row * n + o, y);
    }
  }
}

void binary(const Context& c, std::span<const void* const> in, std::uint8_t* y) {
  const Shape& out = c.graph.shape(c.node.output);
  const std::int64_t count = element_count(out);
  std::vector<std::int32_t> operand[2];
  for (int i = 0; i < 2; ++i) {
    const ValueId id = c.node.inputs[static_cast<std::size_t>(i)];
    const auto* x = static_cast<const std::uint8_t*>(in[static_cast<std::size_t>(i)]);
    operand[i].resize(static_cast<std::size_t>(count));
    if (c.graph.is_constant(id)) {  // in logical order whatever its rank
      const std::vector<std::int32_t> values(c.layer.constant.begin(), c.layer.constant.end());
      for_each_offset(out, logical_strides(c.graph.shape(id), out), [&](std::int64_t j, std::int64_t at) {
        operand[i][static_cast<std::size_t>(j)] = values[static_cast<std::size_t>(at)];
      });
      continue;
    }
    for_each_offset(out, broadcast_strides(c.graph.shape(id), out), [&](std::int64_t j, std::int64_t at) {
      operand[i][static_cast<std::size_t>(j)] = integer(x[at], c.code(id).type);
    });
  }
  for_each_offset(out, storage_strides(out), [&](std::int64_t j, std::int64_t at) {
    const std::int32_t p = operand[0][static_cast<std::size_t>(j)], q = operand[1][static_cast<std::size_t>(j)];
    const std::int32_t acc = c.node.op == Op::mul ? p * q : c.layer.operand[0] * p + c.layer.operand[1] * q;
    y[at] = static_cast<std::uint8_t>(requantize(acc, c.layer.multiplier[0], c.layer.lo, c.layer.hi));
  });
}

// [..., M, K] x [..., K, N] of two activations.
void matmul(const Context& c, std::span<const void* const> in, void* y) {
  const Shape& a = c.graph.shape(c.node.inputs[0]);
  const Shape& b = c.graph.shape(c.node.inputs[1]);
  const Shape& out = c.graph.shape(c.node.output);
  std::vector<std::int32_t> operand[2];  // in logical order
  for (int i = 0; i < 2; ++i) {
    const ValueId id = c.node.inputs[static_cast<std::size_t>(i)];
    const auto* x = static_cast<const std::uint8_t*>(in[static_cast<std::size_t>(i)]);
    for_each_offset(c.graph.shape(id), storage_strides(c.graph.shape(id)),
                    [&](std::int64_t, std::int64_t at) { operand[i].push_back(integer(x[at], c.code(id).type)); });
  }
  const std::int64_t m = a[a.size() - 2], k = a.back(), n = b.back(), matrix = element_count(b) == k * n ? 0 : k * n;
  for_each_offset(out, storage_strides(out), [&](std::int64_t i, std::int64_t at) {
    const std::int64_t batch = i / (m * n), row = i / n, col = i % n;
    std::int32_t acc = 0;
    for (std::int64_t j = 0; j < k; ++j) {
      acc += operand[0][static_cast<std::size_t>(row * k + j)] *
             operand[1][static_cast<std::size_t>(batch * matrix + j * n + col)];
    }
    finish(c, 0, acc, at, y);
  });
}

// multiplier[n] serves a window that averages n values; multiplier[0] is unused.
void pool(const Context& c, const std::uint8_t* x, std::uint8_t* y) {
  const Shape& in = c.graph.shape(c.node.inputs[0]);
  const Shape& out = c.graph.shape(c.node.output);
  const Window& w = c.node.attributes.window;
  const DType type = c.code(c.node.inputs[0]).type;
  for (std::int64_t oy = 0; oy < out[1]; ++oy) {
    for (std::int64_t ox = 0; ox < out[2]; ++ox) {
      for (std::int64_t ch = 0; ch < out[0]; ++ch) {
        std::int32_t best = -128, sum = 0;
        std::int64_t seen = 0, covered = 0;
        for (std::int64_t tap = 0; tap < w.kernel[0] * w.kernel[1]; ++tap) {
          const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
          const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
          if (iy < in[1] + w.pad_after[0] && ix < in[2] + w.pad_after[1]) ++covered;
          if (iy < 0 || iy >= in[1] || ix < 0 || ix >= in[2]) continue;
          const std::int32_t value = integer(x[(iy * in[2] + ix) * in[0] + ch], type);
          best = std::max(best, value);
          sum += value;
          ++seen;
        }
        const std::int64_t n = w.count_include_pad ? covered : std::max<std::int64_t>(seen, 1);
        const std::int32_t result =
            c.node.op == Op::max_pool
                ? best
                : requantize(sum, c.layer.multiplier[static_cast<std::size_t>(n)], c.layer.lo, c.layer.hi);
        y[(oy * out[2] + ox) * out[0] + ch] = static_cast<std::uint8_t>(result);
      }
    }
  }
}

void mean_over_plane(const Context& c, const std::uint8_t* x, std::uint8_t* y) {
  const Shape& in = c.graph.shape(c.node.inputs[0]);
  const DType type = c.code(c.node.inputs[0]).type;
  for (std::int64_t ch = 0; ch < in[0]; ++ch) {
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < in[1] * in[2]; ++i) sum += integer(x[i * in[0] + ch], type);
    y[ch] = static_cast<std::uint8_t>(requantize(sum, c.layer.multiplier[0], c.layer.lo, c.layer.hi));
  }
}

bool is_whole_plane_mean(const Graph& graph, const Node& node) {
  return graph.shape(node.inputs[0]).size() == 3 && node.attributes.axes == std::vector<std::int64_t>{1, 2};
}

}  // namespace

bool has_integer_form(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::conv:
    case Op::max_pool:
    case Op::average_pool:
    case Op::concat:
    case Op::slice:
    case Op::pad:
    case Op::reshape:
    case Op::transpose:
    case Op::relu:
    case Op::leaky_relu:
    case Op::clip:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::hard_swish:
      for (const ValueId id : node.inputs) {
        if (graph.is_constant(id)) return false;
      }
      return true;
    case Op::linear:
      return graph.shape(node.inputs[0]).size() != 3;
    case Op::add:
    case Op::sub:
    case Op::mul:
      return !graph.is_constant(node.inputs[0]) || !graph.is_constant(node.inputs[1]);
    case Op::matmul:
      return !graph.is_constant(node.inputs[0]) && !graph.is_constant(node.inputs[1]) &&
             graph.shape(node.inputs[0]).size() >= 2 && graph.shape(node.inputs[1]).size() >= 2 &&
             graph.shape(node.inputs[0]).back() <= longest_matmul_sum;
    case Op::reduce_mean:
      return is_whole_plane_mean(graph, node);
    default:
      return false;
  }
}

void run_integer(const QuantizedModel& model, int index, std::span<const void* const> in, void* y) {
  const auto i = static_cast<std::size_t>(index);
  const Context c{model, model.graph.nodes[i], model.layers[i], model.graph};
  const auto* x = static_cast<const std::uint8_t*>(in[0]);
  auto* bytes = static_cast<std::uint8_t*>(y);
  switch (c.node.op) {
    case Op::conv:
      return conv(c, x, y);
    case Op::linear:
      return linear(c, x, y);
    case Op::matmul:
      return matmul(c, in, y);
    case Op::add:
    case Op::sub:
    case Op::mul:
      return binary(c, in, bytes);
    case Op::max_pool:
    case Op::average_pool:
      return pool(c, x, bytes);
    case Op::reduce_mean:
      return mean_over_plane(c, x, bytes);
    case Op::concat:
    case Op::slice:
    case Op::pad:
    case Op::reshape:
    case Op::transpose: {
      std::vector<const std::uint8_t*> inputs;
      for (const void* p : in) inputs.push_back(static_cast<const std::uint8_t*>(p));
      std::uint8_t fill = 0;
      quantize(&c.node.attributes.value, 1, c.code(c.node.output), &fill);
      // multiplier[k] takes input k to the output's scale.
      move_data<std::uint8_t>(c.graph, c.node, inputs, bytes, fill, [&](int k, std::uint8_t pattern) {
        const auto input = static_cast<std::size_t>(k);
        return static_cast<std::uint8_t>(requantize(integer(pattern, c.code(c.node.inputs[input]).type),
                                                    c.layer.multiplier[input], c.layer.lo, c.layer.hi));
      });
      return;
    }
    default:
      for (std::int64_t j = 0; j < element_count(c.graph.shape(c.node.output)); ++j) bytes[j] = c.layer.table[x[j]];
  }
}

void quantize(const float* x, std::int64_t count, const ValueCode& code, void* q) {
  const float lo = code.type == DType::s8 ? -127.0f : 0.0f, hi = code.type == DType::s8 ? 127.0f : 255.0f;
  for (std::int64_t i = 0; i < count; ++i) {
    const float clamped = std::min(std::max(x[i] / code.scale, lo), hi);
    static_cast<std::uint8_t*>(q)[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(std::nearbyintf(clamped)));
  }
}

void dequantize(const void* q, std::int64_t count, const ValueCode& code, float* x) {
  for (std::int64_t i = 0; i < count; ++i) {
    x[i] = static_cast<float>(integer(static_cast<const std::uint8_t*>(q)[i], code.type)) * code.scale;
  }
}

}  // namespace bitsieve::reference
