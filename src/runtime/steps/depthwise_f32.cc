// Float convolutions with one filter per channel, on f32conv. Nothing is copied: where a filter looks beyond the image
// its taps point at zeros.
#include <algorithm>

#include "kernels/f32conv/f32conv.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class DepthwiseF32 final : public Step {
 public:
  explicit DepthwiseF32(const Source& s)
      : channels_(s.in()[0]),
        in_height_(s.in()[1]),
        in_width_(s.in()[2]),
        out_height_(s.out()[1]),
        out_width_(s.out()[2]),
        window_(s.node.attributes.window),
        kernel_(select_f32conv(s.isa)),
        clamp_lo_(s.node.clamp_lo),
        clamp_hi_(s.node.clamp_hi),
        zeros_(static_cast<std::size_t>(in_width_ * channels_)) {
    const Window& w = window_;
    const std::int64_t taps = w.kernel[0] * w.kernel[1];
    const float* bias = s.node.bias() ? s.node.bias()->data.data() : nullptr;
    weights_ = pack_f32depthwise(transposed(s.node.weight().data, channels_, taps).data(), bias, channels_, taps);
    // Output columns [inner_begin_, inner_end_) see columns of the image alone.
    const std::int64_t reach = (w.kernel[1] - 1) * w.dilation[1], room = in_width_ - 1 - reach + w.pad_before[1];
    inner_begin_ = std::min(out_width_, (w.pad_before[1] + w.stride[1] - 1) / w.stride[1]);
    inner_end_ = room < 0 ? inner_begin_ : std::clamp(room / w.stride[1] + 1, inner_begin_, out_width_);
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    // Waking the other threads costs what some thousand values cost.
    const std::int64_t least = std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, out_width_ * channels_));
    const std::int64_t strips = std::clamp<std::int64_t>(out_height_ / least, 1, context.threads());
    context.each(strips, [&](std::int64_t i, int worker) {
      serve(out_height_ * i / strips, out_height_ * (i + 1) / strips, static_cast<const float*>(in[0]),
            static_cast<float*>(out),
            reinterpret_cast<const float**>(context.scratch + static_cast<std::size_t>(worker) * own_bytes()));
    });
  }

  std::size_t scratch_bytes(int threads) const override { return static_cast<std::size_t>(threads) * own_bytes(); }

  std::string kernel() const override { return kernel_.name; }

 private:
  // Output rows [begin, end).
  void serve(std::int64_t begin, std::int64_t end, const float* image, float* out, const float** taps) const {
    for (std::int64_t y = begin; y < end; ++y) {
      const auto columns = [&](std::int64_t x, std::int64_t count) {
        aim(image, y, x, taps);
        kernel_.run_depthwise({count, taps, window_.stride[1] * channels_, weights_.view, clamp_lo_, clamp_hi_,
                               out + (y * out_width_ + x) * channels_, channels_});
      };
      for (std::int64_t x = 0; x < inner_begin_; ++x) columns(x, 1);
      if (inner_begin_ < inner_end_) columns(inner_begin_, inner_end_ - inner_begin_);
      for (std::int64_t x = inner_end_; x < out_width_; ++x) columns(x, 1);
    }
  }

  // Where the taps of output pixel (y, x) read.
  void aim(const float* image, std::int64_t y, std::int64_t x, const float** taps) const {
    const Window& w = window_;
    for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky) {
      const std::int64_t row = y * w.stride[0] - w.pad_before[0] + ky * w.dilation[0];
      for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx) {
        const std::int64_t column = x * w.stride[1] - w.pad_before[1] + kx * w.dilation[1];
        const bool inside = row >= 0 && row < in_height_ && column >= 0 && column < in_width_;
        *taps++ = inside ? image + (row * in_width_ + column) * channels_ : zeros_.data();
      }
    }
  }

  std::size_t own_bytes() const {
    return whole_lines(static_cast<std::size_t>(weights_.view.taps) * sizeof(const float*));
  }

  std::int64_t channels_, in_height_, in_width_, out_height_, out_width_;
  Window window_;
  const F32ConvKernel& kernel_;
  float clamp_lo_, clamp_hi_;
  std::int64_t inner_begin_ = 0, inner_end_ = 0;
  std::vector<float> zeros_;  // a row of the image
  F32Weights weights_;
};

}  // namespace

Made make_depthwise_f32(const Source& s) { return std::make_unique<DepthwiseF32>(s); }

}  // namespace bitsieve::steps
