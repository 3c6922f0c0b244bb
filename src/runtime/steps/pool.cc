// Pools and means over the plane, pixel by pixel: the channels of a pixel are neighbours in memory.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/max_rows/max_rows.h"
#include "kernels/rounding.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

// Calls tap(pixel) for what the window of output (oy, ox) sees of the image, row by row; returns how many of its places
// lie in the padded image, which ends where padding does.
template <class Tap>
std::int64_t for_taps(const Shape& in, const Window& w, std::int64_t oy, std::int64_t ox, const Tap& tap) {
  std::int64_t covered = 0;
  for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky) {
    const std::int64_t iy = oy * w.stride[0] - w.pad_before[0] + ky * w.dilation[0];
    for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx) {
      const std::int64_t ix = ox * w.stride[1] - w.pad_before[1] + kx * w.dilation[1];
      if (iy < in[1] + w.pad_after[0] && ix < in[2] + w.pad_after[1]) ++covered;
      if (iy >= 0 && iy < in[1] && ix >= 0 && ix < in[2]) tap(iy * in[2] + ix);
    }
  }
  return covered;
}

// T: std::uint8_t, std::int8_t or float.
template <class T>
class MaxPool final : public Step {
 public:
  explicit MaxPool(const Source& s)
      : in_(s.in()), out_(s.out()), window_(s.node.attributes.window), kernel_(select_max_rows(s.isa)) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const T* const image = static_cast<const T*>(in[0]);
    context.each(out_[1], [&](std::int64_t oy, int worker) {
      auto* const rows =
          reinterpret_cast<const T**>(context.scratch + static_cast<std::size_t>(worker) * worker_bytes());
      T* to = static_cast<T*>(out) + oy * out_[2] * out_[0];
      for (std::int64_t ox = 0; ox < out_[2]; ++ox, to += out_[0]) {
        std::int64_t count = 0;
        for_taps(in_, window_, oy, ox, [&](std::int64_t pixel) { rows[count++] = image + pixel * out_[0]; });
        largest(rows, count, to);
      }
    });
  }

  std::size_t scratch_bytes(int threads) const override { return static_cast<std::size_t>(threads) * worker_bytes(); }
  std::string kernel() const override { return kernel_.name; }

 private:
  std::size_t worker_bytes() const {
    return whole_lines(static_cast<std::size_t>(window_.kernel[0] * window_.kernel[1]) * sizeof(const T*));
  }

  void largest(const T* const* rows, std::int64_t count, T* out) const {
    if (count == 0) {  // what the plain executor starts with; for unsigned values the pattern 128
      std::fill_n(out, out_[0], std::is_same_v<T, float> ? static_cast<T>(-INFINITY) : static_cast<T>(-128));
    } else if constexpr (std::is_same_v<T, float>) {
      kernel_.f32(rows, count, out_[0], out);
    } else if constexpr (std::is_same_v<T, std::int8_t>) {
      kernel_.s8(rows, count, out_[0], out);
    } else {
      kernel_.u8(rows, count, out_[0], out);
    }
  }

  Shape in_, out_;
  Window window_;
  const MaxRowsKernel& kernel_;
};

template <class T>
class AveragePool final : public Step {
 public:
  explicit AveragePool(const Source& s)
      : in_(s.in()), out_(s.out()), window_(s.node.attributes.window), layer_(s.layer) {}

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
    std::int64_t seen = 0;
    std::memset(sums, 0, static_cast<std::size_t>(channels) * sizeof(Sum));
    const std::int64_t covered = for_taps(in_, window_, oy, ox, [&](std::int64_t at) {
      const T* from = x + at * channels;
      for (std::int64_t c = 0; c < channels; ++c) sums[c] += from[c];
      ++seen;
    });
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
  const LayerCode& layer_;
};

template <class T>
Made pool(const Source& s) {
  if (s.node.op == Op::max_pool) return std::make_unique<MaxPool<T>>(s);
  return std::make_unique<AveragePool<T>>(s);
}

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

Made make_pool(const Source& s) { return s.is_signed() ? pool<std::int8_t>(s) : pool<std::uint8_t>(s); }
Made make_pool_f32(const Source& s) { return pool<float>(s); }

Made make_mean(const Source& s) {
  if (s.is_signed()) return std::make_unique<Mean<std::int8_t>>(s);
  return std::make_unique<Mean<std::uint8_t>>(s);
}
Made make_mean_f32(const Source& s) {
  if (s.in().size() != 3 || s.node.attributes.axes != std::vector<std::int64_t>{1, 2}) return nullptr;
  return std::make_unique<Mean<float>>(s);
}

}  // namespace bitsieve::steps
