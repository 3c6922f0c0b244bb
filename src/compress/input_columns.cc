#include "compress/input_columns.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
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
  template <class T>
  void read(const T* x, std::int64_t at, T* column) const {
    const std::int64_t k = shape_.k;
    if (node_.op == Op::linear) {
      std::copy_n(x + at * k, k, column);
      return;
    }
    const Window& w = node_.attributes.window;
    const std::int64_t depth = in_[0] / w.groups, taps = w.kernel[0] * w.kernel[1];
    const std::int64_t oy = at / out_[2], ox = at % out_[2];
    std::fill_n(column, groups_ * k, T{0});
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
      const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
      if (iy < 0 || iy >= in_[1] || ix < 0 || ix >= in_[2]) continue;
      const T* pixel = x + (iy * in_[2] + ix) * in_[0] + first_ * depth;
      for (std::int64_t g = 0; g < groups_; ++g) std::copy_n(pixel + g * depth, depth, column + g * k + tap * depth);
    }
  }

  // Patterns as the integers that meet the weights (runtime/reference/integer_ops.cc).
  void transform(const std::uint8_t* column, std::int16_t* values) const {
    for (std::int64_t g = 0; g < groups_; ++g) transform_group(column + g * shape_.k, values + g * shape_.k);
  }

 private:
  void transform_group(const std::uint8_t* column, std::int16_t* values) const {
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

  const Node& node_;
  const ActivationTransform& transform_;
  const Shape &in_, &out_;
  const DType type_;
  const LayerShape shape_;
  const std::int64_t first_, groups_;
};

// The columns that input_columns() says; read(image, position, values) writes one.
template <class Read>
InputColumns sample(const QuantizedModel& model, const LayerPass& pass, std::int64_t groups, std::int64_t most,
                    int threads, const Read& read) {
  const LayerShape shape = layer_shape(model, pass.node());
  const std::int64_t all = pass.images() * shape.positions, rows = groups * shape.k;
  InputColumns columns;
  columns.k = shape.k;
  columns.count = std::min(all, most);
  columns.values.resize(static_cast<std::size_t>(rows * columns.count));
  constexpr std::int64_t block = 64;  // columns turned into rows together: a cache line or two of each row
  parallel_for((columns.count + block - 1) / block, threads, [&](std::int64_t b, int) {
    std::vector<std::int16_t> values(static_cast<std::size_t>(rows * block));
    const std::int64_t begin = b * block, end = std::min(columns.count, begin + block);
    for (std::int64_t j = begin; j < end; ++j) {
      const std::int64_t low = j * all / columns.count, high = (j + 1) * all / columns.count;
      const std::int64_t at = low + scatter(j) % (high - low);
      read(static_cast<std::size_t>(at / shape.positions), at % shape.positions, values.data() + (j - begin) * rows);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      std::int16_t* row = columns.values.data() + i * columns.count;
      for (std::int64_t j = begin; j < end; ++j) row[j] = values[static_cast<std::size_t>((j - begin) * rows + i)];
    }
  });
  return columns;
}

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
  const Gather gather(model, pass.node(), first, groups);
  const std::int64_t rows = groups * layer_shape(model, pass.node()).k;
  return sample(model, pass, groups, most, threads, [&](std::size_t image, std::int64_t at, std::int16_t* values) {
    thread_local std::vector<std::uint8_t> column;
    column.resize(static_cast<std::size_t>(rows));
    gather.read(static_cast<const std::uint8_t*>(pass.inputs(image)[0]), at, column.data());
    gather.transform(column.data(), values);
  });
}

InputColumns input_differences(const QuantizedModel& model, const LayerPass& pass, const LayerPass& float_pass,
                               std::int64_t first, std::int64_t groups, std::int64_t most, int threads) {
  if (float_pass.node() != pass.node() || float_pass.images() != pass.images())
    fail("model '{}': the passes over the quantized and the float network are not in step", model.graph.name);
  const Gather gather(model, pass.node(), first, groups);
  const std::int64_t rows = groups * layer_shape(model, pass.node()).k;
  const ValueId input = model.graph.nodes[pass.node()].inputs[0];
  const float scale = model.values[static_cast<std::size_t>(input)].scale;
  return sample(model, pass, groups, most, threads, [&](std::size_t image, std::int64_t at, std::int16_t* values) {
    thread_local std::vector<std::uint8_t> column;
    thread_local std::vector<float> real;
    column.resize(static_cast<std::size_t>(rows));
    real.resize(static_cast<std::size_t>(rows));
    gather.read(static_cast<const std::uint8_t*>(pass.inputs(image)[0]), at, column.data());
    gather.transform(column.data(), values);
    gather.read(static_cast<const float*>(float_pass.inputs(image)[0]), at, real.data());
    constexpr float most_units = most_difference;
    for (std::int64_t i = 0; i < rows; ++i) {
      const float off = real[static_cast<std::size_t>(i)] / scale - static_cast<float>(values[i]);
      const float units = std::clamp(std::nearbyint(off * difference_units), -most_units, most_units);
      values[i] = std::isnan(units) ? std::int16_t{0} : static_cast<std::int16_t>(units);
    }
  });
}

}  // namespace bitsieve
