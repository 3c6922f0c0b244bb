// What a layer multiplies its weights with, as integers: columns of K inputs, one for each output pixel looked at.
#pragma once
#include <cstdint>
#include <vector>

#include "compress/gram.h"
#include "compress/layer_pass.h"

namespace bitsieve {

// Of some groups of a convolution (a linear layer is one group). The inputs of group g are the rows
// [(g - first) * k, (g - first + 1) * k), in K order: kernel row, kernel column, input channel of the group.
struct InputColumns {
  std::int64_t k = 0, count = 0;     // rows of a group, columns
  std::vector<std::int16_t> values;  // [groups * k][count]
  const std::int16_t* row(std::int64_t i) const { return values.data() + i * count; }
};

struct LayerShape {
  std::int64_t groups = 1, k = 0, filters = 0;  // filters of a group
  std::int64_t positions = 0;                   // columns of one image
};
LayerShape layer_shape(const QuantizedModel& model, std::size_t node);

// Columns of the pass's current node, an integer conv or linear, for `groups` groups from `first` on: the values that
// the integer layer sums up, after its activation transform, padding being 0. In 2:4 mode the transform depends on the
// weights; there the values are the untransformed ones.
// At most `most` columns: all positions of all images in a row are cut in so many equal parts, and each part gives one
// position, chosen by a fixed hash, so that no row or column of the images is preferred.
InputColumns input_columns(const QuantizedModel& model, const LayerPass& pass, std::int64_t first, std::int64_t groups,
                           std::int64_t most, int threads);

// The same columns of what the float network would give the node instead, less what it gets: real input / scale of the
// input - integer input, in units of 1 / difference_units, clamped to most_difference of them. float_pass: over the
// float network, at the same node and of the same images; otherwise throws Error. 0 where the float network gives a
// NaN.
InputColumns input_differences(const QuantizedModel& model, const LayerPass& pass, const LayerPass& float_pass,
                               std::int64_t first, std::int64_t groups, std::int64_t most, int threads);
inline constexpr int difference_units = 8, most_difference = most_other_value;

}  // namespace bitsieve
