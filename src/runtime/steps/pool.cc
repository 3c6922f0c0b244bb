// Pools and means over the plane, pixel by pixel: the channels of a pixel are neighbours in memory.
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/rounding.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

// T: std::uint8_t, std::int8_t or float.
template <class T>
class Pool final : public Step {
 public:
  explicit Pool(const Source& s)
      : in_(s.in()),
        out_(s.out()),
        window_(s.node.attributes.window),
        max_(s.node.op == Op::max_pool),
        layer_(s.layer) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    context.each(out_[1], [&](std::int64_t oy, int worker) {
      auto* sums = reinterpret_cast<Sum*>(context.scratch + static_cast<std::size_t>(worker) * worker_bytes());
      for (std::int64_t ox = 0; ox < out_[2]; ++ox) {
        pixel(static_cast<const T*>(in[0]), oy, ox, static_cast<T*>(out) + (oy * out_[2] + ox) * out_[0], sums);
      }
    });
  }

  std::size_t scratch_bytes(int threads) const override { return static_cast<std::size_t>(threads) * worker_bytes(); }
  std::string kernel() const override { return std::is_same_v<T, float> ? "float loop" : "integer loop"; }

 private:
  using Sum = std::conditional_t<std::is_same_v<T, float>, float, std::int32_t>;

  std::size_t worker_bytes() const { return whole_lines(static_cast<std::size_t>(out_[0]) * sizeof(Sum)); }

  void pixel(const T* x, std::int64_t oy, std::int64_t ox, T* __restrict y, Sum* __restrict sums) const {
    const std::int64_t channels = out_[0];
    std::int64_t seen = 0, covered = 0;
    // What a window without any value gives: the plain executor's start. For unsigned values it is the pattern 128,
    // which is not below every value: there, and for s8, the first value seen replaces it.
    if (max_) {
      const T lowest = std::is_same_v<T, float> ? static_cast<T>(-INFINITY) : static_cast<T>(-128);
      for (std::int64_t c = 0; c < channels; ++c) y[c] = lowest;
    } else {
      std::memset(sums, 0, static_cast<std::size_t>(channels) * sizeof(Sum));
    }
    for (std::int64_t ky = 0; ky < window_.kernel[0]; ++ky) {
      const std::int64_t iy = oy * window_.stride[0] - window_.pad_before[0] + ky * window_.dilation[0];
      for (std::int64_t kx = 0; kx < window_.kernel[1]; ++kx) {
        const std::int64_t ix = ox * window_.stride[1] - window_.pad_before[1] + kx * window_.dilation[1];
        if (iy < in_[1] + window_.pad_after[0] && ix < in_[2] + window_.pad_after[1]) ++covered;
        if (iy < 0 || iy >= in_[1] || ix < 0 || ix >= in_[2]) continue;
        const T* from = x + (iy * in_[2] + ix) * channels;
        if (!max_) {
          for (std::int64_t c = 0; c < channels; ++c) sums[c] += from[c];
        } else if (seen == 0 && !std::is_same_v<T, float>) {
          std::memcpy(y, from, static_cast<std::size_t>(channels) * sizeof(T));
        } else {
          for (std::int64_t c = 0; c < channels; ++c) y[c] = y[c] < from[c] ? from[c] : y[c];
        }
        ++seen;
      }
    }
    if (max_) return;
    const std::int64_t n = window_.count_include_pad ? covered : std::max<std::int64_t>(seen, 1);
    if constexpr (std::is_same_v<T, float>) {
      for (std::int64_t c = 0; c < channels; ++c) y[c] = sums[c] / static_cast<float>(n);
    } else {
      const float multiplier = layer_.multiplier[static_cast<std::size_t>(n)];
      const auto lo = static_cast<float>(layer_.lo), hi = static_cast<float>(layer_.hi);
      for (std::int64_t c = 0; c < channels; ++c) y[c] = static_cast<T>(requantize_fast(sums[c], multiplier, lo, hi));
    }
  }

  Shape in_, out_;
  Window window_;
  bool max_;
  const LayerCode& layer_;
};

// The mean over the plane of each channel.
template <class T>
class Mean final : public Step {
 public:
  explicit Mean(const Source& s) : channels_(s.in()[0]), pixels_(s.in()[1] * s.in()[2]), layer_(s.layer) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const T* x = static_cast<const T*>(in[0]);
    T* y = static_cast<T*>(out);
    auto* sums = reinterpret_cast<Sum*>(context.scratch);
    for (std::int64_t c = 0; c < channels_; ++c) sums[c] = 0;
    for (std::int64_t i = 0; i < pixels_; ++i, x += channels_) {
      for (std::int64_t c = 0; c < channels_; ++c) sums[c] += x[c];
    }
    if constexpr (std::is_same_v<T, float>) {
      for (std::int64_t c = 0; c < channels_; ++c) y[c] = static_cast<float>(sums[c] / static_cast<double>(pixels_));
    } else {
      const auto lo = static_cast<float>(layer_.lo), hi = static_cast<float>(layer_.hi);
      for (std::int64_t c = 0; c < channels_; ++c)
        y[c] = static_cast<T>(requantize_fast(sums[c], layer_.multiplier[0], lo, hi));
    }
  }

  std::size_t scratch_bytes(int) const override {
    return whole_lines(static_cast<std::size_t>(channels_) * sizeof(Sum));
  }
  std::string kernel() const override { return std::is_same_v<T, float> ? "float loop" : "integer loop"; }

 private:
  using Sum = std::conditional_t<std::is_same_v<T, float>, double, std::int32_t>;
  std::int64_t channels_, pixels_;
  const LayerCode& layer_;
};

}  // namespace

Made make_pool(const Source& s) {
  if (s.is_signed()) return std::make_unique<Pool<std::int8_t>>(s);
  return std::make_unique<Pool<std::uint8_t>>(s);
}
Made make_pool_f32(const Source& s) { return std::make_unique<Pool<float>>(s); }

Made make_mean(const Source& s) {
  if (s.is_signed()) return std::make_unique<Mean<std::int8_t>>(s);
  return std::make_unique<Mean<std::uint8_t>>(s);
}
Made make_mean_f32(const Source& s) {
  if (s.in().size() != 3 || s.node.attributes.axes != std::vector<std::int64_t>{1, 2}) return nullptr;
  return std::make_unique<Mean<float>>(s);
}

}  // namespace bitsieve::steps
