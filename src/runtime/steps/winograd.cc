// 3 x 3 convolutions of stride 1 by Winograd's products, where they are faster than qgemm's.
#include "kernels/winograd/winograd.h"

#include <fmt/format.h>

#include "kernels/window/window.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class Winograd final : public Step {
 public:
  Winograd(const Source& s, const WinogradKernel& kernel, const QGemmSource& weights)
      : transform_(s.layer.transform),
        arithmetic_(transform_.active ? find_window_arithmetic(transform_.pair.data()) : WindowArithmetic{}),
        signed_(s.is_signed()),
        kernel_(kernel),
        windows_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())),
        out_(s.out()),
        epilogue_{s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi},
        weights_(kernel.pack(weights)),
        rows_(s.in(), s.out(), s.node.attributes.window, true, 1, transform_.active, 1,
              {winograd_tile, winograd_tiles(weights_.view)}) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, copy, first, count, by, [&](const std::uint8_t* from, std::uint8_t* to, std::int64_t n) {
        if (transform_.active) {
          windows_.adjacent({transform_.pair.data(), transform_.lone.data(), transform_.paired, &arithmetic_}, from, to,
                            n);
        } else {
          std::memcpy(to, from, static_cast<std::size_t>(n));
        }
      });
    };
    rows_.run(
        context, rows_.copy_bytes(1), own_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, std::int64_t first, const std::uint8_t* copy, std::uint8_t* own) {
          kernel_.run({rows_.copies() ? copy : image, rows_.height(first), rows_.width(), signed_, first, out_[1],
                       out_[2], begin, end, weights_.view, epilogue_, out, out_[0], own});
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(1), own_bytes());
  }

  std::string kernel() const override {
    return std::string(kernel_.name) + (transform_.active ? std::string(" + ") + windows_.name : "");
  }

 private:
  std::size_t own_bytes() const { return whole_lines(static_cast<std::size_t>(winograd_scratch_bytes(weights_.view))); }

  ActivationTransform transform_;
  WindowArithmetic arithmetic_;
  bool signed_;
  const WinogradKernel& kernel_;
  const WindowKernel& windows_;
  Shape out_;  // (C, H, W)
  Epilogue epilogue_;
  QGemmWeights weights_;
  ConvRows rows_;
};

// The kernel, if the node is a convolution of its shape.
const WinogradKernel* kernel_for(const Source& s) {
  if (s.node.op != Op::conv) return nullptr;
  const Window& w = s.node.attributes.window;
  const auto is = [](const auto& pair, std::int64_t value) { return pair[0] == value && pair[1] == value; };
  return w.groups == 1 && is(w.kernel, 3) && is(w.stride, 1) && is(w.dilation, 1) ? find_winograd(s.isa) : nullptr;
}

// Weights of up to 5 bits are multiplied as bytes, which is as fast (Zen 3: 190 to 250 GOP/s with 4 bits, Winograd's
// products 180 to 280) where channels are few or tiles hang over the edge, as they do on 7 x 7.
bool bytes_are_faster(const Source& s) {
  if (select_qgemm(s.isa, most_weight(s.layer.weight)).most_weight > 16) return false;
  const std::int64_t height = s.out()[1], width = s.out()[2];
  const auto whole = [](std::int64_t side) { return (side + winograd_tile - 1) / winograd_tile * winograd_tile; };
  return s.in()[0] < 32 || height * width * 10 < whole(height) * whole(width) * 9;
}

QGemmSource weights_of(const Source& s) {
  return {s.out()[0], 9, s.in()[0], s.layer.weight.data(), s.layer.bias.data(), s.layer.multiplier.data()};
}

}  // namespace

Made make_winograd(const Source& s) {
  const WinogradKernel* const kernel = kernel_for(s);
  if (kernel == nullptr || bytes_are_faster(s) || !winograd_fits(weights_of(s))) return nullptr;
  return std::make_unique<Winograd>(s, *kernel, weights_of(s));
}

std::string why_not_winograd(const Source& s) {
  const WinogradKernel* const kernel = kernel_for(s);
  if (kernel == nullptr || bytes_are_faster(s)) return {};
  if (s.in()[0] < winograd_depth || s.in()[0] % 4 != 0)
    return fmt::format("{} channels; {} takes {} and more, whole groups of 4", s.in()[0], kernel->name, winograd_depth);
  return winograd_fits(weights_of(s)) ? "" : fmt::format("sums too large for {}", kernel->name);
}

}  // namespace bitsieve::steps
