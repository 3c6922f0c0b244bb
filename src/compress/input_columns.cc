#include "compress/input_columns.h"

#include <algorithm>

#include "base/parallel.h"

namespace bitsieve {
namespace {

// Multiplicative hash (Knuth): spreads consecutive numbers over 32 bits.
std::int64_t scatter(std::int64_t i) { return (i * 2654435761) & 0xffffffff; }

class Gather {
 public:
  Gather(const QuantizedModel& model, std::size_t index, std::int64_t first, std::int64_t groups)
      : node_(model.graph.nodes[index]),
        transform_(model.layers[index].transform),
        in_(model.graph.shape(node_.inputs[0])),
        out_(model.graph.shape(node_.output)),
        type_(model.values[static_cast<std::size_t>(node_.inputs[0])].type),
        shape_(layer_shape(model, index)),
        first_(first),
        groups_(groups) {}

  // The patterns that position `at` of an image reads: groups * k of them.
  void read(const std::uint8_t* x, std::int64_t at, std::uint8_t* column) const {
    const std::int64_t k = shape_.k;
    if (node_.op == Op::linear) {
      std::copy_n(x + at * k, k, column);
      return;
    }
    const Window& w = node_.attributes.window;
    const std::int64_t depth = in_[0] / w.groups, taps = w.kernel[0] * w.kernel[1];
    const std::int64_t oy = at / out_[2], ox = at % out_[2];
    std::fill_n(column, groups_ * k, std::uint8_t{0});
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
      const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
      if (iy < 0 || iy >= in_[1] || ix < 0 || ix >= in_[2]) continue;
      const std::uint8_t* pixel = x + (iy * in_[2] + ix) * in_[0] + first_ * depth;
      for (std::int64_t g = 0; g < groups_; ++g) std::copy_n(pixel + g * depth, depth, column + g * k + tap * depth);
    }
  }

  // One group's patterns as the integers that meet the weights (runtime/reference/integer_ops.cc).
  void transform(const std::uint8_t* column, std::int16_t* values) const {
    const bool active = transform_.active && !transform_.two_of_four;
    for (std::int64_t i = 0; i < shape_.k; ++i) {
      std::uint8_t value = column[i];
      if (active) {
        const std::int64_t partner = i ^ 1;
        const bool lone = transform_.paired && (partner >= shape_.k || column[partner] == 0);
        value = lone ? transform_.lone[value] : transform_.pair[value];
      }
      values[i] = type_ == DType::s8 ? static_cast<std::int8_t>(value) : static_cast<std::int16_t>(value);
    }
  }

 private:
  const Node& node_;
  const ActivationTransform& transform_;
  const Shape &in_, &out_;
  const DType type_;
  const LayerShape shape_;
  const std::int64_t first_, groups_;
};

}  // namespace

LayerShape layer_shape(const QuantizedModel& model, std::size_t index) {
  const Node& node = model.graph.nodes[index];
  const Tensor& weight = node.weight();
  LayerShape shape;
  shape.groups = node.op == Op::conv ? node.attributes.window.groups : 1;
  shape.filters = weight.shape[0] / shape.groups;
  shape.k = weight.size() / weight.shape[0];
  const Shape& out = model.graph.shape(node.output);
  shape.positions = node.op == Op::conv ? out[1] * out[2] : element_count(model.graph.shape(node.inputs[0])) / shape.k;
  return shape;
}

InputColumns input_columns(const QuantizedModel& model, const LayerPass& pass, std::int64_t first, std::int64_t groups,
                           std::int64_t most, int threads) {
  const LayerShape shape = layer_shape(model, pass.node());
  const Gather gather(model, pass.node(), first, groups);
  const std::int64_t all = pass.images() * shape.positions, rows = groups * shape.k;
  InputColumns columns;
  columns.k = shape.k;
  columns.count = std::min(all, most);
  columns.values.resize(static_cast<std::size_t>(rows * columns.count));
  constexpr std::int64_t block = 64;  // columns turned into rows together: a cache line or two of each row
  parallel_for((columns.count + block - 1) / block, threads, [&](std::int64_t b, int) {
    std::vector<std::uint8_t> column(static_cast<std::size_t>(rows));
    std::vector<std::int16_t> values(static_cast<std::size_t>(rows * block));
    const std::int64_t begin = b * block, end = std::min(columns.count, begin + block);
    for (std::int64_t j = begin; j < end; ++j) {
      const std::int64_t low = j * all / columns.count, high = (j + 1) * all / columns.count;
      const std::int64_t at = low + scatter(j) % (high - low);
      const auto* x = static_cast<const std::uint8_t*>(pass.inputs(static_cast<std::size_t>(at / shape.positions))[0]);
      gather.read(x, at % shape.positions, column.data());
      for (std::int64_t g = 0; g < groups; ++g) {
        gather.transform(column.data() + g * shape.k, values.data() + (j - begin) * rows + g * shape.k);
      }
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      std::int16_t* row = columns.values.data() + i * columns.count;
      for (std::int64_t j = begin; j < end; ++j) row[j] = values[static_cast<std::size_t>((j - begin) * rows + i)];
    }
  });
  return columns;
}

}  // namespace bitsieve
