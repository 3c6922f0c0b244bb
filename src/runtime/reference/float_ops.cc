#include <algorithm>
#include <cmath>
#include <vector>

#include "base/cpu.h"
#include "base/error.h"
#include "runtime/layout.h"
#include "runtime/reference/move.h"
#include "runtime/reference/ops.h"

namespace bitsieve::reference {
namespace {

float clamp_to(const Node& node, float x) { return std::min(std::max(x, node.clamp_lo), node.clamp_hi); }

// acc[o] = fma(value, row[o], acc[o]) for o < count.
void add_products(float value, const float* row, std::int64_t count, float* acc) {
  for (std::int64_t o = 0; o < count; ++o) acc[o] = std::fma(value, row[o], acc[o]);
}

#if defined(__x86_64__)
// The same on machines with the instruction, where the loop above calls the C library for each product.
[[gnu::target("avx2,fma")]] void add_products_avx2(float value, const float* row, std::int64_t count, float* acc) {
  for (std::int64_t o = 0; o < count; ++o) acc[o] = __builtin_fmaf(value, row[o], acc[o]);
}
#endif

auto add_products_here() {
#if defined(__x86_64__)
  if (isa_supported(Isa::avx2)) return add_products_avx2;
#endif
  return add_products;
}

void conv(const Graph& graph, const Node& node, const float* x, float* y) {
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.output);
  const Window& w = node.attributes.window;
  const Tensor& weight = node.weight();  // OIHW
  const std::int64_t depth = weight.shape[1], kh = w.kernel[0], kw = w.kernel[1];
  const std::int64_t per_group = out[0] / w.groups;
  // [group][kh][kw][ci][o]: the innermost loop runs over output channels, so that memory is read in order.
  std::vector<float> packed(weight.data.size());
  for (std::int64_t o = 0; o < out[0]; ++o) {
    for (std::int64_t k = 0; k < depth * kh * kw; ++k) {
      const std::int64_t c = k / (kh * kw), tap = k % (kh * kw);
      const std::int64_t g = o / per_group;
      packed[static_cast<std::size_t>(((g * kh * kw + tap) * depth + c) * per_group + o % per_group)] =
          weight.data[static_cast<std::size_t>(o * depth * kh * kw + k)];
    }
  }
  std::vector<float> acc(static_cast<std::size_t>(per_group));
  const auto add = add_products_here();
  for (std::int64_t oy = 0; oy < out[1]; ++oy) {
    for (std::int64_t ox = 0; ox < out[2]; ++ox) {
      for (std::int64_t g = 0; g < w.groups; ++g) {
        for (std::int64_t o = 0; o < per_group; ++o) {
          acc[static_cast<std::size_t>(o)] =
              node.bias() ? node.bias()->data[static_cast<std::size_t>(g * per_group + o)] : 0;
        }
        for (std::int64_t tap = 0; tap < kh * kw; ++tap) {
          const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + tap / kw * w.dilation[0];
          const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + tap % kw * w.dilation[1];
          if (iy < 0 || iy >= in[1] || ix < 0 || ix >= in[2]) continue;
          const float* pixel = x + (iy * in[2] + ix) * in[0] + g * depth;
          const float* row = packed.data() + (g * kh * kw + tap) * depth * per_group;
          for (std::int64_t c = 0; c < depth; ++c, row += per_group) {
            add(pixel[c], row, per_group, acc.data());
          }
        }
        float* result = y + (oy * out[2] + ox) * out[0] + g * per_group;
        for (std::int64_t o = 0; o < per_group; ++o) result[o] = clamp_to(node, acc[static_cast<std::size_t>(o)]);
      }
    }
  }
}

// Reads a value in logical order.
std::vector<float> logical(const Shape& shape, const float* x) {
  std::vector<float> result(static_cast<std::size_t>(element_count(shape)));
  for_each_offset(shape, storage_strides(shape),
                  [&](std::int64_t i, std::int64_t at) { result[static_cast<std::size_t>(i)] = x[at]; });
  return result;
}

void store(const Shape& shape, const std::vector<float>& values, float* y) {
  for_each_offset(shape, storage_strides(shape),
                  [&](std::int64_t i, std::int64_t at) { y[at] = values[static_cast<std::size_t>(i)]; });
}

void linear(const Graph& graph, const Node& node, const float* x, float* y) {
  const Tensor& weight = node.weight();
  const std::int64_t n = weight.shape[0], k = weight.shape[1];
  const std::vector<float> in = logical(graph.shape(node.inputs[0]), x);
  std::vector<float> out(static_cast<std::size_t>(element_count(graph.shape(node.output))));
  for (std::int64_t row = 0; row * n < static_cast<std::int64_t>(out.size()); ++row) {
    for (std::int64_t o = 0; o < n; ++o) {
      float acc = node.bias() ? node.bias()->data[static_cast<std::size_t>(o)] : 0;
      for (std::int64_t i = 0; i < k; ++i) {
        acc =
            std::fma(in[static_cast<std::size_t>(row * k + i)], weight.data[static_cast<std::size_t>(o * k + i)], acc);
      }
      out[static_cast<std::size_t>(row * n + o)] = clamp_to(node, acc);
    }
  }
  store(graph.shape(node.output), out, y);
}

void matmul(const Graph& graph, const Node& node, const float* a, const float* b, float* y) {
  const Shape& sa = graph.shape(node.inputs[0]);
  const Shape& sb = graph.shape(node.inputs[1]);
  const Shape& so = graph.shape(node.output);
  if (sa.size() < 2 || sb.size() < 2) fail("node '{}': matmul of vectors is not supported", node.name);
  const std::vector<float> va = logical(sa, a), vb = logical(sb, b);
  const std::int64_t m = sa[sa.size() - 2], k = sa.back(), n = sb.back();
  std::vector<float> out(static_cast<std::size_t>(element_count(so)));
  const std::int64_t batches = static_cast<std::int64_t>(out.size()) / (m * n);
  const std::int64_t step_b = element_count(sb) == k * n ? 0 : k * n;
  for (std::int64_t i = 0; i < batches * m * n; ++i) {
    const std::int64_t batch = i / (m * n), row = i / n % m, col = i % n;
    float acc = 0;
    for (std::int64_t j = 0; j < k; ++j) {
      acc += va[static_cast<std::size_t>((batch * m + row) * k + j)] *
             vb[static_cast<std::size_t>(batch * step_b + j * n + col)];
    }
    out[static_cast<std::size_t>(i)] = acc;
  }
  store(so, out, y);
}

void pool(const Graph& graph, const Node& node, const float* x, float* y) {
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.output);
  const Window& w = node.attributes.window;
  const bool max = node.op == Op::max_pool;
  for (std::int64_t oy = 0; oy < out[1]; ++oy) {
    for (std::int64_t ox = 0; ox < out[2]; ++ox) {
      for (std::int64_t c = 0; c < out[0]; ++c) {
        float best = -INFINITY, sum = 0;
        std::int64_t seen = 0, covered = 0;
        for (std::int64_t tap = 0; tap < w.kernel[0] * w.kernel[1]; ++tap) {
          const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
          const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
          // Beyond the padding (a window that ceil_mode hangs over the edge) nothing is counted.
          if (iy < in[1] + w.pad_after[0] && ix < in[2] + w.pad_after[1]) ++covered;
          if (iy < 0 || iy >= in[1] || ix < 0 || ix >= in[2]) continue;
          const float value = x[(iy * in[2] + ix) * in[0] + c];
          best = std::max(best, value);
          sum += value;
          ++seen;
        }
        const std::int64_t count = node.attributes.window.count_include_pad ? covered : std::max<std::int64_t>(seen, 1);
        y[(oy * out[2] + ox) * out[0] + c] = max ? best : sum / static_cast<float>(count);
      }
    }
  }
}

void reduce_mean(const Graph& graph, const Node& node, const float* x, float* y) {
  const Shape& in = graph.shape(node.inputs[0]);
  Shape kept = in;
  std::int64_t count = 1;
  for (const std::int64_t axis : node.attributes.axes) {
    count *= kept[static_cast<std::size_t>(axis)];
    kept[static_cast<std::size_t>(axis)] = 1;
  }
  const Shape out = graph.shape(node.output);
  std::vector<double> sums(static_cast<std::size_t>(element_count(kept)));
  // Where each input element goes: logical row-major position in `kept`.
  std::vector<std::int64_t> strides(in.size());
  std::int64_t step = 1;
  for (std::size_t i = in.size(); i-- > 0;) {
    strides[i] = kept[i] == 1 ? 0 : step;
    step *= kept[i];
  }
  const std::vector<float> values = logical(in, x);
  for_each_offset(in, strides, [&](std::int64_t i, std::int64_t at) {
    sums[static_cast<std::size_t>(at)] += values[static_cast<std::size_t>(i)];
  });
  std::vector<float> means(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) means[i] = static_cast<float>(sums[i] / static_cast<double>(count));
  store(out, means, y);
}

void binary(const Graph& graph, const Node& node, const float* a, const float* b, float* y) {
  const Shape& out = graph.shape(node.output);
  const auto gather = [&](ValueId id, const float* x) {
    std::vector<float> values(static_cast<std::size_t>(element_count(out)));
    const Shape& own = graph.shape(id);
    // A constant is not laid out: it stays in logical order whatever its rank.
    const std::vector<std::int64_t> strides =
        graph.is_constant(id) ? logical_strides(own, out) : broadcast_strides(own, out);
    for_each_offset(out, strides,
                    [&](std::int64_t i, std::int64_t at) { values[static_cast<std::size_t>(i)] = x[at]; });
    return values;
  };
  std::vector<float> p = gather(node.inputs[0], a);
  const std::vector<float> q = gather(node.inputs[1], b);
  for (std::size_t i = 0; i < p.size(); ++i) {
    switch (node.op) {
      case Op::add:
        p[i] += q[i];
        break;
      case Op::sub:
        p[i] -= q[i];
        break;
      case Op::mul:
        p[i] *= q[i];
        break;
      default:
        p[i] /= q[i];
    }
    p[i] = clamp_to(node, p[i]);
  }
  store(out, p, y);
}

void softmax(const Graph& graph, const Node& node, const float* x, float* y) {
  const Shape& shape = graph.shape(node.output);
  std::vector<float> values = logical(shape, x);
  const auto axis = static_cast<std::size_t>(node.attributes.axis);
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const std::int64_t n = shape[axis], outer = element_count(shape) / (n * inner);
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    float* first = values.data() + i / inner * n * inner + i % inner;
    float top = -INFINITY;
    double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) top = std::max(top, first[j * inner]);
    for (std::int64_t j = 0; j < n; ++j) sum += std::exp(static_cast<double>(first[j * inner] - top));
    for (std::int64_t j = 0; j < n; ++j) {
      first[j * inner] = static_cast<float>(std::exp(static_cast<double>(first[j * inner] - top)) / sum);
    }
  }
  store(shape, values, y);
}

}  // namespace

float unary(const Node& node, float x) {
  const Attributes& a = node.attributes;
  switch (node.op) {
    case Op::relu:
      return std::max(x, 0.0f);
    case Op::leaky_relu:
      return x < 0 ? a.alpha * x : x;
    case Op::clip:
      return std::min(std::max(x, a.lo), a.hi);
    case Op::sigmoid:
      return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(x))));
    case Op::hard_sigmoid:
      return std::max(0.0f, std::min(1.0f, a.alpha * x + a.beta));
    case Op::hard_swish:
      return x * std::max(0.0f, std::min(1.0f, x / 6 + 0.5f));
    default:
      fail("node '{}': {} is not a unary function", node.name, op_name(node.op));
  }
}

void run_float(const Graph& graph, const Node& node, std::span<const float* const> in, float* y) {
  const Shape& out = graph.shape(node.output);
  const std::int64_t count = element_count(out);
  switch (node.op) {
    case Op::conv:
      return conv(graph, node, in[0], y);
    case Op::linear:
      return linear(graph, node, in[0], y);
    case Op::matmul:
      return matmul(graph, node, in[0], in[1], y);
    case Op::batch_norm:
      fail("node '{}': batch norms must be folded before running", node.name);
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
      return binary(graph, node, in[0], in[1], y);
    case Op::max_pool:
    case Op::average_pool:
      return pool(graph, node, in[0], y);
    case Op::reduce_mean:
      return reduce_mean(graph, node, in[0], y);
    case Op::softmax:
      return softmax(graph, node, in[0], y);
    case Op::concat:
    case Op::slice:
    case Op::pad:
    case Op::reshape:
    case Op::transpose:
      break;
    default:
      for (std::int64_t i = 0; i < count; ++i) y[i] = unary(node, in[0][i]);
      return;
  }
  move_data<float>(graph, node, in, y, node.attributes.value, [](int, float x) { return x; });
}

}  // namespace bitsieve::reference
