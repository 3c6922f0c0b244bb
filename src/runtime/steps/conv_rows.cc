#include "runtime/steps/conv_rows.h"

namespace bitsieve::steps {
namespace {

// Values of the image in a strip: their copies should stay in the second cache, and rows that two strips share be few.
constexpr std::int64_t kStrip = 1 << 16, kStripOfSingleRows = 1 << 15;

}  // namespace

ConvRows::ConvRows(const Shape& in, const Shape& out, const Window& w, bool merge, std::int64_t run_multiple,
                   bool must_copy, std::int64_t copied_values, Tiling tiling)
    : in_height_(in[1]),
      in_width_(in[2]),
      depth_(in[0] * copied_values),
      copied_values_(copied_values),
      out_height_(out[1]),
      out_width_(out[2]),
      tiling_(tiling) {
  const bool merged = merge && w.groups == 1 && (w.kernel[1] == 1 || w.dilation[1] == 1);
  run_length_ = merged ? w.kernel[1] * depth_ : depth_ / w.groups;
  run_padded_ = (run_length_ + run_multiple - 1) / run_multiple * run_multiple;
  // What the filters reach, from the first padded row and column on.
  const std::int64_t reach_y = (out[1] - 1) * w.stride[0] + (w.kernel[0] - 1) * w.dilation[0] + 1;
  const std::int64_t reach_x = (out[2] - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1;
  const bool padded = w.pad_before[0] > 0 || w.pad_before[1] > 0 || reach_y > in[1] || reach_x > in[2];
  copies_ = padded || must_copy || run_padded_ != run_length_;
  height_ = copies_ ? reach_y : in[1];
  width_ = copies_ ? reach_x : in[2];
  pad_y_ = copies_ ? w.pad_before[0] : 0;
  pad_x_ = copies_ ? w.pad_before[1] : 0;
  step_y_ = w.stride[0] * width_ * depth_;
  step_x_ = w.stride[1] * depth_;
  row_step_ = w.kernel[0] == 1 ? w.stride[0] : 1;
  stride_y_ = w.stride[0];
  reach_ = (w.kernel[0] - 1) * w.dilation[0] + 1;
  const std::int64_t row_values = std::max<std::int64_t>(1, width_ * in[0]);
  const std::int64_t fitting = ((reach_ == 1 ? kStripOfSingleRows : kStrip) / row_values - reach_) / stride_y_ + 1;
  // Fewer than a few rows would mostly copy what the strip before has copied.
  strip_rows_ = copies_ ? std::min(out[1], std::max(fitting, 2 * reach_)) : out[1];
  strip_rows_ = std::max<std::int64_t>(1, strip_rows_);
  strip_rows_ = (strip_rows_ + tiling.side - 1) / tiling.side * tiling.side;
  strip_height_ = (std::min(strip_rows_, out[1]) - 1) * stride_y_ + reach_;
  for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky) {
    for (std::int64_t kx = 0; kx < (merged ? 1 : w.kernel[1]); ++kx) {
      offsets_.push_back((ky * w.dilation[0] * width_ + kx * w.dilation[1]) * depth_);
    }
  }
}

}  // namespace bitsieve::steps
