#include "accel/values.h"

#include <algorithm>

#include "base/error.h"

namespace bitsieve::accel {

void require_values(const Layer& layer, const std::string& machine) {
  if (layer.input.empty() || layer.weights.empty())
    fail("machine '{}' depends on values, and layer '{}' has none; give a .bsv model and --data with images", machine,
         layer.name);
  const std::int64_t values = layer.image[0] * layer.image[1] * layer.channels * layer.groups;
  if (static_cast<std::int64_t>(layer.input.size()) != values ||
      static_cast<std::int64_t>(layer.weights.size()) != layer.filters * layer.depth())
    fail("layer '{}' has {} values and {} weights where {} and {} belong", layer.name, layer.input.size(),
         layer.weights.size(), values, layer.filters * layer.depth());
}

void require_weights(const Layer& layer, const std::string& machine) {
  if (layer.weights.empty())
    fail("machine '{}' depends on weights, and layer '{}' has none; give a .bsv model", machine, layer.name);
  if (static_cast<std::int64_t>(layer.weights.size()) != layer.filters * layer.depth())
    fail("layer '{}' has {} weights where {} belong", layer.name, layer.weights.size(), layer.filters * layer.depth());
}

bool two_of_four(const Layer& layer, const std::string& machine) {
  require_weights(layer, machine);
  const std::int64_t depth = layer.depth();
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    const std::int8_t* const filter = layer.weights.data() + f * depth;
    for (std::int64_t k = 0; k < depth; k += 4) {
      if (std::count(filter + k, filter + std::min(k + 4, depth), std::int8_t{0}) <
          std::min<std::int64_t>(4, depth - k) - 2)
        return false;
    }
  }
  return true;
}

namespace {

// Rows (0) or columns (1) of the output.
std::int64_t extent(const Layer& layer, std::size_t axis) {
  const Window& w = layer.window;
  return (layer.image[axis] + w.pad_before[axis] + w.pad_after[axis] - w.dilation[axis] * (w.kernel[axis] - 1) - 1) /
             w.stride[axis] +
         1;
}

std::int64_t position(const Layer& layer, std::int64_t output_row, std::int64_t output_column, std::int64_t tap) {
  const Window& w = layer.window;
  const std::int64_t row = output_row * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0],
                     column = output_column * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
  if (row < 0 || row >= layer.image[0] || column < 0 || column >= layer.image[1]) return -1;
  return row * layer.image[1] + column;
}

}  // namespace

std::int64_t position_of(const Layer& layer, std::int64_t pixel, std::int64_t tap) {
  const std::int64_t rows = extent(layer, 0);
  return position(layer, pixel % rows, pixel / rows, tap);
}

std::int64_t position_by_rows(const Layer& layer, std::int64_t pixel, std::int64_t tap) {
  const std::int64_t columns = extent(layer, 1);
  return position(layer, pixel / columns, pixel % columns, tap);
}

Patch::Patch(const Layer& layer)
    : layer_(layer), read_(static_cast<std::size_t>(layer.depth())), used_(static_cast<std::size_t>(layer.depth())) {}

void Patch::read(std::int64_t pixel, std::int64_t group, bool by_rows) {
  const std::int64_t all = layer_.channels * layer_.groups;
  for (std::int64_t tap = 0; tap < layer_.taps; ++tap) {
    const std::int64_t at = by_rows ? position_by_rows(layer_, pixel, tap) : position_of(layer_, pixel, tap);
    int* const values = read_.data() + tap * layer_.channels;
    if (at < 0) {
      std::fill_n(values, layer_.channels, 0);
      continue;
    }
    const std::uint8_t* const patterns = layer_.input.data() + at * all + group * layer_.channels;
    for (std::int64_t c = 0; c < layer_.channels; ++c)
      values[c] = layer_.signed_input ? static_cast<std::int8_t>(patterns[c]) : static_cast<int>(patterns[c]);
  }
}

const std::vector<int>& Patch::behind(std::span<const std::int8_t> weights) {
  if (!layer_.windows || layer_.code == nullptr) return read_;  // of shapes alone nothing can be cut
  used_ = read_;
  const ActivationTransform& t = layer_.code->transform;
  const auto through = [&](int x, int partner) {
    const auto& table = t.paired && partner == 0 ? t.lone : t.pair;
    const std::uint8_t pattern = table[static_cast<std::uint8_t>(x)];
    return layer_.signed_input ? static_cast<std::int8_t>(pattern) : static_cast<int>(pattern);
  };
  if (!t.two_of_four) {
    for (std::size_t k = 0; k < read_.size(); ++k)
      used_[k] = through(read_[k], (k ^ 1) < read_.size() ? read_[k ^ 1] : 0);
    return used_;
  }
  for (std::size_t group = 0; group < read_.size(); group += 4) {
    std::vector<std::size_t> kept;
    for (std::size_t k = group; k < std::min(group + 4, read_.size()); ++k) {
      if (weights[k] != 0) kept.push_back(k);
    }
    for (std::size_t i = 0; i < kept.size(); ++i)
      used_[kept[i]] = through(read_[kept[i]], kept.size() == 2 ? read_[kept[1 - i]] : 0);
  }
  return used_;
}

std::int64_t staggered(const std::vector<std::int64_t>& durations, std::int64_t columns) {
  std::vector<std::int64_t> free(static_cast<std::size_t>(columns), 0);
  std::int64_t next = 0, end = 0;
  for (std::size_t i = 0; i < durations.size(); ++i) {
    std::int64_t& column = free[i % free.size()];
    const std::int64_t start = std::max(next, column);
    column = start + durations[i];
    next = start + 1;
    end = std::max(end, column);
  }
  return end;
}

std::int64_t staggered(std::int64_t steps, std::int64_t duration, std::int64_t columns) {
  const std::int64_t turns = (steps - 1) / columns, last = (steps - 1) % columns;
  return turns * std::max(duration, columns) + last + duration;
}

}  // namespace bitsieve::accel
