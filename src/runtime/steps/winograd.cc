// 3 x 3 convolutions of stride 1 by Winograd's products, where they are faster than qgemm's.
#include "kernels/winograd/winograd.h"

#include <fmt/format.h>

#include "runtime/steps/conv_rows.h"
#include "runtime/steps/makers.h"
#include "runtime/steps/windowed_copy.h"

namespace bitsieve::steps {
namespace {

class Winograd final : public Step {
 public:
  Winograd(const Source& s, const WinogradKernel& kernel, const QGemmSource& weights)
      : windowed_(s),
        signed_(s.is_signed()),
        kernel_(kernel),
        out_(s.out()),
        epilogue_{s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi},
        weights_(kernel.pack(weights)),
        rows_(s.in(), s.out(), s.node.attributes.window, true, 1, windowed_.active(), 1,
              {winograd_tile, winograd_tiles(weights_.view)}) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, copy, first, count, by, windowed_);
    };
    rows_.run(
        context, rows_.copy_bytes(1), own_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, const Strip& strip, const std::uint8_t* copy, std::uint8_t* own) {
          kernel_.run({rows_.copies() ? copy : image, strip.height, rows_.width(), signed_, strip.first, out_[1],
                       out_[2], begin, end, weights_.view, epilogue_, out, out_[0], own});
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(1), own_bytes());
  }

  std::string kernel() const override { return kernel_.name + windowed_.suffix(); }

 private:
  std::size_t own_bytes() const { return whole_lines(static_cast<std::size_t>(winograd_scratch_bytes(weights_.view))); }

  WindowedCopy windowed_;
  bool signed_;
  const WinogradKernel& kernel_;
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

// A tile is sixteen products, of which outputs beyond the edge use some for nothing, and weights are transformed for
// all tiles together: a few are too few. Fewer bits have faster direct products. Direct products' time / Winograd's, on
// Zen 3, 64 channels: 0.25 on 1 x 1, 0.6 on 2 x 2, 0.85 on 3 x 3, 0.8 on 1 x 8, 1.1 on 5 x 5, 1.35 on 4 x 4; with up to
// 7 bits 0.8 to 1.05 on 7 x 7, 1.0 to 1.5 on 14 x 14.
bool direct_is_faster(const Source& s) {
  const auto tiles_of = [](std::int64_t side) { return (side + winograd_tile - 1) / winograd_tile; };
  const std::int64_t height = s.out()[1], width = s.out()[2], tiles = tiles_of(height) * tiles_of(width);
  const bool few_bits = select_qgemm(s.isa, most_weight(s.layer.weight)).most_weight < 128;
  const double used = static_cast<double>(height * width) / static_cast<double>(tiles * winograd_tile * winograd_tile);
  return tiles < 4 || used < (few_bits ? 0.9 : 0.6);
}

QGemmSource weights_of(const Source& s) {
  return {s.out()[0], 9, s.in()[0], s.layer.weight.data(), s.layer.bias.data(), s.layer.multiplier.data()};
}

}  // namespace

Made make_winograd(const Source& s) {
  const WinogradKernel* const kernel = kernel_for(s);
  if (kernel == nullptr || direct_is_faster(s) || !winograd_fits(weights_of(s))) return nullptr;
  return std::make_unique<Winograd>(s, *kernel, weights_of(s));
}

std::string why_not_winograd(const Source& s) {
  const WinogradKernel* const kernel = kernel_for(s);
  const std::int64_t depth = s.in()[0];
  // With few channels transforms would take as long as the products.
  if (kernel == nullptr || depth < winograd_depth || direct_is_faster(s) || winograd_fits(weights_of(s))) return {};
  if (depth % 4 != 0) return fmt::format("{} channels; {} takes whole groups of 4", depth, kernel->name);
  return fmt::format("sums too large for {}", kernel->name);
}

}  // namespace bitsieve::steps
