// Convolutions with one filter per channel in integers, on qdepthwise.
#include "kernels/qdepthwise/qdepthwise.h"
#include "kernels/window/window.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class Depthwise final : public Step {
 public:
  explicit Depthwise(const Source& s)
      : channels_(s.in()[0]),
        transform_(s.layer.transform),
        signed_(s.is_signed()),
        kernel_(select_qdepthwise(s.isa)),
        windows_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())) {
    const Window& w = s.node.attributes.window;
    const std::int64_t taps = w.kernel[0] * w.kernel[1];
    epilogue_ = {s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi};
    // Without pairing a value's code does not depend on its tap: one pass over the image is enough. With pairing each
    // tap sees another partner: the kernel chooses between two codes of a value, made in one pass each.
    paired_ = transform_.active && transform_.paired;
    for (std::size_t x = 0; x < 256; ++x) lone_is_same_ = lone_is_same_ && transform_.lone[x] == x;
    rows_ = ConvRows(s.in(), s.out(), w, false, 1, transform_.active);
    together_ = w.stride[1] == 1 ? pixels_together(s.out()[2]) : 1;
    const auto repeated = [&](const auto& of_channels) {
      auto all = of_channels;
      for (std::int64_t i = 1; i < together_; ++i) all.insert(all.end(), of_channels.begin(), of_channels.end());
      return all;
    };
    weights_ = kernel_.pack({together_ * channels_, taps,
                             transposed(repeated(s.layer.weight), together_ * channels_, taps).data(),
                             repeated(s.layer.bias).data(), repeated(s.layer.multiplier).data()});
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const std::size_t plane = rows_.copy_bytes(1);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(
          image, copy, first, count, by,
          [&](const std::uint8_t* from, std::uint8_t* to, std::int64_t n) {
            const WindowTables pair{transform_.pair.data(), nullptr, false},
                lone{transform_.lone.data(), nullptr, false};
            if (transform_.active && !paired_) {
              windows_.adjacent(pair, from, to, n);
              return;
            }
            std::memcpy(to, from, static_cast<std::size_t>(n));
            if (paired_) windows_.adjacent(pair, from, to + plane, n);
            if (paired_ && !lone_is_same_) windows_.adjacent(lone, from, to + 2 * plane, n);
          },
          planes());
    };
    rows_.run(
        context, planes() * plane, pointer_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, std::int64_t first, const std::uint8_t* copy, std::uint8_t* own) {
          auto** rows = reinterpret_cast<const std::uint8_t**>(own);
          rows_.pointers(rows_.copies() ? copy : image, first, begin, end, rows, together_);
          auto* to = static_cast<std::uint8_t*>(out) + begin * channels_ * (epilogue_.to_float ? 4 : 1);
          kernel_.run({(end - begin) / together_, rows, weights_.view, signed_, epilogue_, to, together_ * channels_,
                       paired_, static_cast<std::int64_t>(plane),
                       lone_is_same_ ? 0 : static_cast<std::int64_t>(2 * plane)});
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, planes() * rows_.copy_bytes(1), pointer_bytes());
  }

  std::string kernel() const override {
    return std::string(kernel_.name) + (transform_.active ? std::string(" + ") + windows_.name : "");
  }

 private:
  // Neighbouring pixels lie side by side, before and after a convolution of stride 1: they can pass for one pixel of
  // more channels, which fills the kernels' vectors of 64 channels better. A number that divides the width of the
  // image.
  std::int64_t pixels_together(std::int64_t width) const {
    std::int64_t best = 1, best_vectors = (channels_ + 63) / 64;
    for (std::int64_t p = 2; p <= 8 && width % p == 0; p *= 2) {
      const std::int64_t vectors = (p * channels_ + 63) / 64;
      if (vectors * best < best_vectors * p) best = p, best_vectors = vectors;
    }
    return best;
  }

  std::size_t pointer_bytes() const {
    return whole_lines(static_cast<std::size_t>(block_pixels * rows_.runs()) * sizeof(const std::uint8_t*));
  }
  // The image, and what its values are beside another value and beside a zero.
  std::size_t planes() const { return !paired_ ? 1 : lone_is_same_ ? 2 : 3; }

  std::int64_t channels_, together_ = 1;
  ActivationTransform transform_;
  bool signed_, paired_ = false, lone_is_same_ = true;
  const QDepthwiseKernel& kernel_;
  const WindowKernel& windows_;
  Epilogue epilogue_;
  ConvRows rows_;
  QDepthwiseWeights weights_;
};

}  // namespace

Made make_depthwise(const Source& s) { return std::make_unique<Depthwise>(s); }

}  // namespace bitsieve::steps
