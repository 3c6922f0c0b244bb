// Convolutions of few channels: a widened copy of the image serves all output pixels.
#include "kernels/wide_conv/wide_conv.h"

#include "runtime/steps/conv_rows.h"
#include "runtime/steps/makers.h"
#include "runtime/steps/windowed_copy.h"

namespace bitsieve::steps {
namespace {

class WideConv final : public Step {
 public:
  WideConv(const Source& s, const WideConvKernel& kernel)
      : windowed_(s),
        signed_(s.is_signed()),
        kernel_(kernel),
        no_winograd_(why_not_winograd(s)),
        channels_(s.out()[0]),
        epilogue_{s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi},
        rows_(s.in(), s.out(), s.node.attributes.window, true, 2, true) {
    const std::int64_t length = rows_.run_length(), padded = rows_.run_padded(), all = channels_ * rows_.runs();
    std::vector<std::int8_t> weight(static_cast<std::size_t>(all * padded));
    for (std::int64_t i = 0; i < all; ++i)
      std::copy_n(s.layer.weight.data() + i * length, length, weight.data() + i * padded);
    weights_ =
        kernel.pack({channels_, rows_.runs(), padded, weight.data(), s.layer.bias.data(), s.layer.multiplier.data()});
    for (const std::int64_t run : rows_.offsets()) {
      for (std::int64_t i = 0; i < padded; i += 2) offsets_.push_back(run + i);
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, reinterpret_cast<std::int16_t*>(copy), first, count, by,
                 [&](const std::uint8_t* from, std::int16_t* to, std::int64_t n) { widen(from, to, n); });
    };
    rows_.run(
        context, rows_.copy_bytes(2), own_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, const Strip& strip, const std::uint8_t* copy, std::uint8_t* own) {
          auto** const pixels = reinterpret_cast<const std::int16_t**>(own);
          rows_.pixels(reinterpret_cast<const std::int16_t*>(copy), strip, begin, end, pixels);
          const std::int64_t value = epilogue_.to_float ? 4 : 1;
          kernel_.run({end - begin, pixels, offsets_.data(), weights_.view, epilogue_,
                       static_cast<std::uint8_t*>(out) + begin * channels_ * value, channels_});
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(2), own_bytes());
  }

  std::string kernel() const override { return kernel_.name + windowed_.suffix(); }
  std::string remark() const override { return no_winograd_; }

 private:
  static std::size_t own_bytes() { return whole_lines(block_pixels * sizeof(const std::int16_t*)); }

  // n values of the image, the first of them the first of a pair.
  void widen(const std::uint8_t* from, std::int16_t* to, std::int64_t n) const {
    if (!windowed_.active()) return kernel_.widen(from, n, signed_, to);
    constexpr std::int64_t most = 4096;  // both passes in the first cache
    std::uint8_t some[most];
    for (std::int64_t i = 0; i < n; i += most) {
      const std::int64_t count = std::min(n - i, most);
      windowed_(from + i, some, count);
      kernel_.widen(some, count, signed_, to + i);
    }
  }

  WindowedCopy windowed_;
  bool signed_;
  const WideConvKernel& kernel_;
  std::string no_winograd_;
  std::int64_t channels_;  // of the output
  Epilogue epilogue_;
  ConvRows rows_;
  QGemmWeights weights_;
  std::vector<std::int64_t> offsets_;
};

}  // namespace

Made make_wide_conv(const Source& s) {
  if (s.node.op != Op::conv) return nullptr;
  // Where the depth is odd, pairs cross from one pixel to the next and depend on where the filter starts.
  if (s.layer.transform.active && s.layer.transform.paired && s.in()[0] % 2 == 1) return nullptr;
  const Window& w = s.node.attributes.window;
  const bool merged = w.kernel[1] == 1 || w.dilation[1] == 1;  // as ConvRows does
  const std::int64_t run = (merged ? w.kernel[1] : 1) * s.in()[0], taps = w.kernel[0] * (merged ? 1 : w.kernel[1]);
  if (w.groups != 1 || !wide_conv_is_faster(s.isa, s.out()[0], taps, run, most_weight(s.layer.weight))) return nullptr;
  return std::make_unique<WideConv>(s, *find_wide_conv(s.isa));
}

}  // namespace bitsieve::steps
