// The specification of SPARQ at the level of a layer, written down once more from its text: im2col in the K order of
// A.3 (kernel row, kernel column, channel of the group), sparq::dot or sparq::dot_two_of_four, bias and requantization.
// Shares neither the reorder of the weights nor the pairing with the code under test.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "methods/sparq/sparq.h"
#include "quant/model.h"

namespace bitsieve::test {

// One layer and the clamp fused into it. A linear layer has only `in` (..., K) and `outputs`.
struct Layer {
  const char* name;
  Shape in;
  std::int64_t outputs;
  Window window = {};
  float clamp_lo = -std::numeric_limits<float>::infinity(), clamp_hi = std::numeric_limits<float>::infinity();

  bool linear() const { return in.size() != 3; }
  std::int64_t depth() const { return linear() ? in.back() : in[0] / window.groups; }  // channels of a group
  std::int64_t k() const { return depth() * window.kernel[0] * window.kernel[1]; }
};

inline void PrintTo(const Layer& layer, std::ostream* out) { *out << layer.name; }

struct Filter {
  std::vector<std::int8_t> weight;  // in K order
  float scale = 0;
};

enum class Order { kernel_then_channel, channel_then_kernel };  // the specification's, and the one it warns of

// Position j of a filter's K: which channel of the group and which tap.
struct Position {
  std::int64_t channel, tap;
};
inline Position position(std::int64_t j, const Layer& layer, Order order) {
  const std::int64_t taps = layer.window.kernel[0] * layer.window.kernel[1];
  if (order == Order::kernel_then_channel) return {j % layer.depth(), j / layer.depth()};
  return {j / taps, j % taps};
}

inline Filter filter(const Layer& layer, const Tensor& weight, std::int64_t o, const std::string& code, Order order) {
  const bool four_bits = code.starts_with("int4"), as_sparq = code.ends_with("sparq");
  const std::int64_t taps = layer.window.kernel[0] * layer.window.kernel[1];
  const auto at = [&](std::int64_t j) {
    const Position p = position(j, layer, order);
    return weight.data[static_cast<std::size_t>((o * layer.depth() + p.channel) * taps + p.tap)];  // OIHW
  };
  float peak = 0;
  for (std::int64_t j = 0; j < layer.k(); ++j) peak = std::max(peak, std::abs(at(j)));
  const float top = four_bits ? 7 : 127;
  Filter f;
  f.scale = as_sparq ? 2 * peak / (2 * top + 1) : peak / top;
  for (std::int64_t j = 0; j < layer.k(); ++j) {
    const float q = std::nearbyint(at(j) / f.scale);
    f.weight.push_back(static_cast<std::int8_t>(std::clamp(q, as_sparq ? -top - 1 : -top, top)));
  }
  return f;
}

// Our extension of SPARQ: a sign and a 7-bit magnitude, windows on the magnitude; what would round to 128 is trimmed.
inline std::int32_t signed_pair(int x1, int w1, int x2, int w2, const sparq::Config& config) {
  sparq::Config trim = config;
  trim.round = false;
  const auto windowed = [&](int x, bool lone) {
    const auto value = lone ? sparq::lone_value : sparq::bsparq;
    int magnitude = value(std::abs(x), config);
    if (magnitude > 127) magnitude = value(std::abs(x), trim);
    return x < 0 ? -magnitude : magnitude;
  };
  const bool lone = config.value_sparsity && (x1 == 0 || x2 == 0);
  return windowed(x1, lone) * w1 + windowed(x2, lone) * w2;
}

inline std::int32_t signed_dot(const std::vector<int>& x, const std::vector<std::int8_t>& w,
                               const sparq::Config& config) {
  std::int32_t sum = 0;
  if (!config.two_of_four) {
    for (std::size_t k = 0; k < x.size(); k += 2) {
      const bool tail = k + 1 == x.size();
      sum += signed_pair(x[k], w[k], tail ? 0 : x[k + 1], tail ? 0 : w[k + 1], config);
    }
    return sum;
  }
  for (std::size_t group = 0; group < x.size(); group += 4) {
    std::vector<std::size_t> kept;
    for (std::size_t k = group; k < std::min(group + 4, x.size()); ++k) {
      if (w[k] != 0) kept.push_back(k);
    }
    EXPECT_LE(kept.size(), 2u);
    const auto take = [&](std::size_t i) {
      return i < kept.size() ? std::pair<int, int>{x[kept[i]], w[kept[i]]} : std::pair{0, 0};
    };
    sum += signed_pair(take(0).first, take(0).second, take(1).first, take(1).second, config);
  }
  return sum;
}

struct Expected {
  std::vector<std::int32_t> sums;  // with bias
  std::vector<float> multiplier;   // of each sum
};

// All outputs in storage order. `config` is empty for plain 8 bits.
inline Expected expected(const Layer& layer, const Graph& graph, const std::vector<float>& image, const ValueCode& in,
                         const ValueCode& out, const std::string& weight_code,
                         const std::optional<sparq::Config>& config, Order order = Order::kernel_then_channel) {
  const bool is_signed = in.type == DType::s8;
  std::vector<int> q;  // logical order
  for (const float x : image) {
    q.push_back(static_cast<int>(
        std::clamp(std::nearbyint(x / in.scale), is_signed ? -127.0f : 0.0f, is_signed ? 127.0f : 255.0f)));
  }
  const Node& node = graph.nodes[0];
  const Window& w = layer.window;
  // A linear layer is a 1x1 convolution of K channels over its rows.
  const Shape in_shape =
      layer.linear() ? Shape{layer.in.back(), element_count(layer.in) / layer.in.back(), 1} : layer.in;
  const Shape out_shape = layer.linear() ? Shape{layer.outputs, in_shape[1], 1} : graph.shape(node.output);
  const auto pixel = [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    if (y < 0 || y >= in_shape[1] || x < 0 || x >= in_shape[2]) return 0;
    return q[static_cast<std::size_t>(layer.linear() ? y * in_shape[0] + c : (c * in_shape[1] + y) * in_shape[2] + x)];
  };
  std::vector<Filter> filters;
  for (std::int64_t o = 0; o < layer.outputs; ++o)
    filters.push_back(filter(layer, node.weight(), o, weight_code, order));
  Expected result;
  for (std::int64_t oy = 0; oy < out_shape[1]; ++oy) {
    for (std::int64_t ox = 0; ox < out_shape[2]; ++ox) {
      for (std::int64_t o = 0; o < layer.outputs; ++o) {
        const std::int64_t group = o / (layer.outputs / w.groups);
        std::vector<int> column;
        for (std::int64_t j = 0; j < layer.k(); ++j) {
          const Position p = position(j, layer, order);
          column.push_back(pixel(group * layer.depth() + p.channel,
                                 oy * w.stride[0] - w.pad_before[0] + p.tap / w.kernel[1] * w.dilation[0],
                                 ox * w.stride[1] - w.pad_before[1] + p.tap % w.kernel[1] * w.dilation[1]));
        }
        const Filter& f = filters[static_cast<std::size_t>(o)];
        std::int32_t sum = 0;
        if (!config) {
          for (std::size_t j = 0; j < column.size(); ++j) sum += column[j] * f.weight[j];
        } else if (is_signed) {
          sum = signed_dot(column, f.weight, *config);
        } else {
          const std::vector<std::uint8_t> bytes(column.begin(), column.end());
          sum = config->two_of_four ? sparq::dot_two_of_four(bytes, f.weight, *config)
                                    : sparq::dot(bytes, f.weight, *config);
        }
        const double unit = static_cast<double>(in.scale) * f.scale;
        sum += static_cast<std::int32_t>(
            std::nearbyint(static_cast<double>(node.bias()->data[static_cast<std::size_t>(o)]) / unit));
        result.sums.push_back(sum);
        result.multiplier.push_back(static_cast<float>(out.type == DType::f32 ? unit : unit / out.scale));
      }
    }
  }
  return result;
}

// The 8-bit pattern of a sum; the clamp of the layer is folded into the range of the integers.
inline std::uint8_t coded(std::int32_t sum, float multiplier, const ValueCode& out, const Layer& layer) {
  const auto bound = [&](float clamp) { return std::nearbyint(static_cast<double>(clamp) / out.scale); };
  const double lo = std::max(out.type == DType::s8 ? -127.0 : 0.0, bound(layer.clamp_lo)),
               hi = std::min(out.type == DType::s8 ? 127.0 : 255.0, bound(layer.clamp_hi));
  const float scaled = static_cast<float>(sum) * multiplier;
  return static_cast<std::uint8_t>(static_cast<int>(std::clamp(static_cast<double>(std::nearbyint(scaled)), lo, hi)));
}

}  // namespace bitsieve::test
