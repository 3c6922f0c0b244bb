// Float convolutions and linear layers, on f32conv; depthwise_f32.cc has those of one filter per channel. Sums keep the
// order kernel row, kernel column, channel.
#include "kernels/f32conv/f32conv.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class ConvF32 final : public Step {
 public:
  explicit ConvF32(const Source& s)
      : shape_(conv_shape(s)), kernel_(select_f32conv(s.isa)), clamp_lo_(s.node.clamp_lo), clamp_hi_(s.node.clamp_hi) {
    const Window& w = shape_.window;
    const std::int64_t groups = w.groups, taps = w.kernel[0] * w.kernel[1];
    rows_ = ConvRows(shape_.in, shape_.out, w, true, 1, false);
    depth_ = shape_.in[0] / groups;
    per_group_ = shape_.out[0] / groups;
    const Tensor& weight = s.node.weight();
    const float* bias = s.node.bias() ? s.node.bias()->data.data() : nullptr;
    const std::int64_t k = depth_ * taps;
    std::vector<float> reordered(static_cast<std::size_t>(per_group_ * k));  // OIHW to O, kernel row, kernel column, I
    for (std::int64_t g = 0; g < groups; ++g) {
      for (std::int64_t o = 0; o < per_group_; ++o) {
        for (std::int64_t i = 0; i < k; ++i) {
          reordered[static_cast<std::size_t>(o * k + i % taps * depth_ + i / taps)] =
              weight.data[static_cast<std::size_t>((g * per_group_ + o) * k + i)];
        }
      }
      weights_.push_back(pack_f32conv(reordered.data(), bias ? bias + g * per_group_ : nullptr, per_group_,
                                      rows_.runs(), rows_.run_length()));
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const float*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, reinterpret_cast<float*>(copy), first, count, by,
                 [](const float* from, float* to, std::int64_t n) {
                   std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
                 });
    };
    const auto groups = static_cast<std::int64_t>(weights_.size()), channels = groups * per_group_;
    rows_.run(
        context, rows_.copy_bytes(sizeof(float)), pointer_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, const Strip& strip, const std::uint8_t* copy, std::uint8_t* own) {
          const float* from = rows_.copies() ? reinterpret_cast<const float*>(copy) : image;
          auto** rows = reinterpret_cast<const float**>(own);
          for (std::int64_t g = 0; g < groups; ++g) {
            rows_.pointers(from + g * depth_, strip, begin, end, rows);
            const F32ConvArgs args{end - begin, rows,      weights_[static_cast<std::size_t>(g)].view,
                                   clamp_lo_,   clamp_hi_, static_cast<float*>(out) + begin * channels + g * per_group_,
                                   channels};
            kernel_.run(args);
          }
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(sizeof(float)), pointer_bytes());
  }

  std::string kernel() const override { return kernel_.name; }

 private:
  std::size_t pointer_bytes() const {
    return whole_lines(static_cast<std::size_t>(block_pixels * rows_.runs()) * sizeof(const float*));
  }

  ConvShape shape_;
  const F32ConvKernel& kernel_;
  float clamp_lo_, clamp_hi_;
  std::int64_t depth_ = 0, per_group_ = 0;
  ConvRows rows_;
  std::vector<F32Weights> weights_;  // by group
};

}  // namespace

Made make_conv_f32(const Source& s) {
  if (s.node.op == Op::linear && s.in().size() == 3) return nullptr;
  if (s.node.op == Op::conv && is_depthwise(s)) return make_depthwise_f32(s);
  return std::make_unique<ConvF32>(s);
}

}  // namespace bitsieve::steps
