#include "eval/window_effect.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace bitsieve {
namespace {

// The effect of one value, for all 256 patterns, under either table.
class EffectTable {
 public:
  EffectTable(const std::array<std::uint8_t, 256>& table, DType type) {
    for (int pattern = 1; pattern < 256; ++pattern) {
      const auto value = [&](int p) { return std::abs(type == DType::s8 ? static_cast<std::int8_t>(p) : p); };
      const int x = value(pattern), e = value(table[static_cast<std::size_t>(pattern)]);
      WindowEffect& effect = effects_[static_cast<std::size_t>(pattern)];
      effect.nonzero = 1;
      effect.changed = x != e;
      effect.relative_loss = static_cast<double>(x - e) / x;
      effect.error = static_cast<double>((x - e) * (x - e));
      if (x >= (type == DType::s8 ? 127 : 255)) effect.end_error = effect.error;
    }
  }
  const WindowEffect& operator[](std::uint8_t pattern) const { return effects_[pattern]; }

 private:
  std::array<WindowEffect, 256> effects_{};
};

}  // namespace

void WindowEffect::add(const WindowEffect& other) {
  nonzero += other.nonzero;
  changed += other.changed;
  relative_loss += other.relative_loss;
  error += other.error;
  end_error += other.end_error;
}

WindowEffect window_effect(const QuantizedModel& model, int index, const std::uint8_t* input) {
  const Graph& graph = model.graph;
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  const LayerCode& layer = model.layers[static_cast<std::size_t>(index)];
  WindowEffect total;
  if (!layer.integer || !layer.transform.active || (node.op != Op::conv && node.op != Op::linear)) return total;
  const DType type = model.values[static_cast<std::size_t>(node.inputs[0])].type;
  const EffectTable pair(layer.transform.pair, type), lone(layer.transform.lone, type);
  const bool paired = layer.transform.paired && !layer.transform.two_of_four;

  // Patterns are counted first: the sums are then over at most 512 kinds of values.
  std::array<std::int64_t, 256> pairs{}, lones{};
  const auto meet = [&](const std::uint8_t* x, std::int64_t k) {
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t partner = i ^ 1;
      const bool alone = paired && (partner >= k || x[partner] == 0);
      ++(alone ? lones : pairs)[x[i]];
    }
  };
  const Shape& in = graph.shape(node.inputs[0]);
  const Window& w = node.attributes.window;
  const std::int64_t taps = node.op == Op::conv ? w.kernel[0] * w.kernel[1] : 1;
  const std::int64_t depth = node.op == Op::conv ? in[0] / w.groups : in.back();
  if (!paired || taps == 1 || depth % 2 == 0) {
    for (std::int64_t at = 0; at < element_count(in); at += depth) meet(input + at, depth);
  } else {
    const Shape& out = graph.shape(node.output);
    std::vector<std::uint8_t> column(static_cast<std::size_t>(taps * depth));
    for (std::int64_t pixel = 0; pixel < out[1] * out[2]; ++pixel) {
      for (std::int64_t g = 0; g < w.groups; ++g) {
        for (std::int64_t k = 0; k < taps * depth; ++k) {
          const std::int64_t tap = k / depth;
          const std::int64_t y = pixel / out[2] * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
          const std::int64_t x = pixel % out[2] * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
          const bool inside = y >= 0 && y < in[1] && x >= 0 && x < in[2];
          column[static_cast<std::size_t>(k)] = inside ? input[(y * in[2] + x) * in[0] + g * depth + k % depth] : 0;
        }
        meet(column.data(), taps * depth);
      }
    }
  }
  for (std::size_t p = 1; p < 256; ++p) {
    const auto add = [&](const WindowEffect& e, std::int64_t times) {
      const double n = static_cast<double>(times);
      total.add({times, e.changed * times, e.relative_loss * n, e.error * n, e.end_error * n});
    };
    add(pair[static_cast<std::uint8_t>(p)], pairs[p]);
    add(lone[static_cast<std::uint8_t>(p)], lones[p]);
  }
  return total;
}

}  // namespace bitsieve
