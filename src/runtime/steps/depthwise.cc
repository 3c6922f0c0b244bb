// Convolutions with one filter per channel in integers, on qdepthwise.
#include <algorithm>
#include <cstring>

#include "kernels/qdepthwise/qdepthwise.h"
#include "kernels/window/window.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

// The filters move down over a ring of as many rows as they see, with padding around them: each row of the image is
// copied (and coded) into it once, right before its first use, and stays in the first cache until its last. Layers of
// many channels are served block by block of channels, so that the ring of a block fits.
class Depthwise final : public Step {
 public:
  explicit Depthwise(const Source& s)
      : channels_(s.in()[0]),
        in_height_(s.in()[1]),
        in_width_(s.in()[2]),
        out_height_(s.out()[1]),
        out_width_(s.out()[2]),
        window_(s.node.attributes.window),
        transform_(s.layer.transform),
        arithmetic_(transform_.active ? find_window_arithmetic(transform_.pair.data()) : WindowArithmetic{}),
        signed_(s.is_signed()),
        kernel_(select_qdepthwise(s.isa)),
        windows_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())) {
    const Window& w = window_;
    taps_ = w.kernel[0] * w.kernel[1];
    ring_rows_ = (w.kernel[0] - 1) * w.dilation[0] + 1;
    epilogue_ = {s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi};
    // Without pairing a value's code does not depend on its tap, and replaces it. With pairing each tap sees another
    // partner: the kernel chooses between two codes of a value, each looked up once.
    paired_ = transform_.active && transform_.paired;
    for (std::size_t x = 0; x < 256; ++x) lone_is_same_ = lone_is_same_ && transform_.lone[x] == x;
    together_ = w.stride[1] == 1 ? pixels_together(out_width_) : 1;
    plan_parts();
    for (std::int64_t c = 0; c < channels_; c += block_) pack(s.layer, c, std::min(block_, channels_ - c));
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    // Threads share blocks of channels and of columns; where these are too few, they share rows as well.
    const std::int64_t blocks = (channels_ + block_ - 1) / block_, tiles = (out_width_ + tile_ - 1) / tile_;
    const std::int64_t wanted =
        context.threads() == 1 ? 1 : (2 * context.threads() + blocks * tiles - 1) / (blocks * tiles);
    const std::int64_t strips = std::min(wanted, out_height_);
    context.each(strips * tiles * blocks, [&](std::int64_t i, int worker) {
      const std::int64_t channel = i % blocks * block_, column = i / blocks % tiles * tile_;
      const std::int64_t strip = i / (blocks * tiles);
      serve({channel, std::min(block_, channels_ - channel), column, std::min(tile_, out_width_ - column),
             out_height_ * strip / strips, out_height_ * (strip + 1) / strips},
            static_cast<const std::uint8_t*>(in[0]), static_cast<std::uint8_t*>(out),
            context.scratch + static_cast<std::size_t>(worker) * own_bytes());
    });
  }

  std::size_t scratch_bytes(int threads) const override { return static_cast<std::size_t>(threads) * own_bytes(); }

  std::string kernel() const override {
    return std::string(kernel_.name) + (transform_.active ? std::string(" + ") + windows_.name : "");
  }

 private:
  // Neighbouring pixels lie side by side, before and after a convolution of stride 1: they can pass for one pixel of
  // more channels, which fills the kernels' vectors of 64 channels better. A number that divides the width of the
  // image.
  std::int64_t pixels_together(std::int64_t width) const {
    // Where filters move by one or two columns, the AVX-512 kernel takes little more than half the time.
    const bool slides = kernel_.isa == Isa::avx512vnni && window_.kernel[0] == 3 && window_.kernel[1] == 3;
    const auto cost = [&](std::int64_t p) { return (p * channels_ + 63) / 64 * (slides && p <= 2 ? 9 : 16); };
    std::int64_t best = 1;
    for (std::int64_t p = 2; p <= 8 && width % p == 0; p *= 2) {
      if (cost(p) * best < cost(best) * p) best = p;
    }
    return best;
  }

  // The ring shall keep to most of the first cache: fewer channels at a time, in whole vectors, then fewer columns.
  // What AVX2 does with a value takes so long that the second cache keeps up, and smaller parts cost more than it does.
  void plan_parts() {
    const std::int64_t cache = (kernel_.isa == Isa::avx2 ? 96 : 32) * 1024;
    const std::int64_t of_column = static_cast<std::int64_t>(planes()) * ring_rows_;  // bytes for a channel
    block_ = together_ > 1
                 ? channels_
                 : std::min(channels_, std::max<std::int64_t>(64, cache / (of_column * width(out_width_)) / 64 * 64));
    tile_ = out_width_;
    // Tiles read a few columns twice: not less than some.
    while (of_column * width(tile_) * block_ > cache && tile_ > 16) {
      tile_ = ((tile_ + 1) / 2 + together_ - 1) / together_ * together_;
    }
  }

  void pack(const LayerCode& layer, std::int64_t first, std::int64_t count) {
    const auto part = [&](const auto& all, std::int64_t each) {
      std::vector<std::remove_cvref_t<decltype(all[0])>> repeated;
      for (std::int64_t i = 0; i < together_; ++i) {
        repeated.insert(repeated.end(), all.begin() + first * each, all.begin() + (first + count) * each);
      }
      return repeated;
    };
    const std::int64_t places = together_ * count;
    weights_.push_back(kernel_.pack({places, taps_, transposed(part(layer.weight, taps_), places, taps_).data(),
                                     part(layer.bias, 1).data(), part(layer.multiplier, 1).data()}));
  }

  // A part of the output: `channels` from `channel` on, of `columns` from `column` on, of rows [begin, end).
  struct Part {
    std::int64_t channel, channels, column, columns, begin, end;
  };

  void serve(const Part& part, const std::uint8_t* image, std::uint8_t* out, std::uint8_t* ring) const {
    const Window& w = window_;
    const std::int64_t count = part.channels, pixels = width(part.columns);
    // Of the pixels of a row of the ring, those of the image.
    const std::int64_t offset = part.column * w.stride[1] - w.pad_before[1];  // of the first of all, in the image
    const std::int64_t left = std::clamp<std::int64_t>(-offset, 0, pixels);
    const std::int64_t right = std::clamp<std::int64_t>(in_width_ - offset, left, pixels);
    // The first value of the image starts a cache line.
    const std::int64_t lead = (64 - left * count % 64) % 64;
    const std::int64_t pitch = static_cast<std::int64_t>(whole_lines(static_cast<std::size_t>(lead + pixels * count)));
    const auto plane = static_cast<std::int64_t>(plane_bytes());
    const auto ring_row = [&](std::int64_t y) { return ring + lead + y % ring_rows_ * pitch; };
    const auto zero = [&](std::uint8_t* row, std::int64_t from, std::int64_t to) {
      for (std::size_t i = 0; i < planes() && from < to; ++i)
        std::memset(row + i * plane_bytes() + from * count, 0, static_cast<std::size_t>((to - from) * count));
    };
    for (std::int64_t y = 0; y < ring_rows_; ++y) {  // padding stays
      zero(ring_row(y), 0, left);
      zero(ring_row(y), right, pixels);
    }
    auto** taps = reinterpret_cast<const std::uint8_t**>(ring + ring_bytes());
    std::int64_t filled = part.begin * w.stride[0];
    for (std::int64_t y = part.begin; y < part.end; ++y) {
      const std::int64_t top = y * w.stride[0];
      for (filled = std::max(filled, top); filled < top + ring_rows_; ++filled) {
        const std::int64_t from = filled - w.pad_before[0];
        if (from < 0 || from >= in_height_) {
          zero(ring_row(filled), left, right);
        } else if (left < right) {
          fill(image + (from * in_width_ + offset + left) * channels_ + part.channel, right - left, count,
               ring_row(filled) + left * count);
        }
      }
      const std::uint8_t** tap = taps;
      for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky) {
        const std::uint8_t* row = ring_row(top + ky * w.dilation[0]);
        for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx) *tap++ = row + kx * w.dilation[1] * count;
      }
      const std::int64_t at = (y * out_width_ + part.column) * channels_ + part.channel;
      kernel_.run({part.columns / together_, taps, together_ * w.stride[1] * count,
                   weights_[static_cast<std::size_t>(part.channel / block_)].view, signed_, epilogue_,
                   out + at * (epilogue_.to_float ? 4 : 1), together_ * channels_, paired_, plane,
                   lone_is_same_ ? 0 : 2 * plane});
    }
  }

  // `count` channels of `pixels` of the image.
  void fill(const std::uint8_t* from, std::int64_t pixels, std::int64_t count, std::uint8_t* to) const {
    const std::int64_t values = pixels * count;
    const bool whole = count == channels_;
    if (paired_) {
      const WindowPieces pieces{from, whole ? 1 : pixels, whole ? values : count, channels_};
      windows_.spread({transform_.pair.data(), transform_.lone.data(), true, &arithmetic_}, pieces,
                      {to, static_cast<std::int64_t>(plane_bytes()), !lone_is_same_});
      return;
    }
    if (whole) {
      std::memcpy(to, from, static_cast<std::size_t>(values));
    } else if (count % 64 == 0) {
      for (std::int64_t x = 0; x < pixels; ++x) {
        for (std::int64_t c = 0; c < count; c += 64) std::memcpy(to + x * count + c, from + x * channels_ + c, 64);
      }
    } else {
      for (std::int64_t x = 0; x < pixels; ++x)
        std::memcpy(to + x * count, from + x * channels_, static_cast<std::size_t>(count));
    }
    if (transform_.active) windows_.adjacent({transform_.pair.data(), nullptr, false, &arithmetic_}, to, to, values);
  }

  // Pixels that so many outputs of a row see.
  std::int64_t width(std::int64_t outputs) const {
    return (outputs - 1) * window_.stride[1] + (window_.kernel[1] - 1) * window_.dilation[1] + 1;
  }
  // The values, and with pairing what they are beside another value and beside a zero.
  std::size_t planes() const { return !paired_ ? 1 : lone_is_same_ ? 2 : 3; }
  // A row of the ring may start within a cache line, and ends with one.
  std::size_t plane_bytes() const {
    return static_cast<std::size_t>(ring_rows_) * whole_lines(static_cast<std::size_t>(63 + width(tile_) * block_));
  }
  std::size_t ring_bytes() const { return planes() * plane_bytes(); }
  std::size_t own_bytes() const {
    return ring_bytes() + whole_lines(static_cast<std::size_t>(taps_) * sizeof(const std::uint8_t*));
  }

  std::int64_t channels_, in_height_, in_width_, out_height_, out_width_;
  Window window_;
  std::int64_t taps_ = 0, ring_rows_ = 0;
  std::int64_t together_ = 1, block_ = 0, tile_ = 0;  // pixels that pass for one; channels, columns of a part
  ActivationTransform transform_;
  WindowArithmetic arithmetic_;
  bool signed_, paired_ = false, lone_is_same_ = true;
  const QDepthwiseKernel& kernel_;
  const WindowKernel& windows_;
  Epilogue epilogue_;
  std::vector<QDepthwiseWeights> weights_;  // by block of channels
};

}  // namespace

Made make_depthwise(const Source& s) { return std::make_unique<Depthwise>(s); }

}  // namespace bitsieve::steps
