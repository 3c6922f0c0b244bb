// The 2:4 mode of SPARQ: every output channel pairs the activations that its own kept weights meet.
#include "kernels/two_of_four/two_of_four.h"

#include "base/error.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class TwoOfFour final : public Step {
 public:
  explicit TwoOfFour(const Source& s)
      : shape_(conv_shape(s)),
        transform_(s.layer.transform),
        signed_(s.is_signed()),
        kernel_(select_two_of_four(s.isa)) {
    const Window& w = shape_.window;
    depth_ = shape_.in[0] / w.groups;
    per_group_ = shape_.out[0] / w.groups;
    rows_ = ConvRows(shape_.in, shape_.out, w, true, 1, false);
    k_ = rows_.runs() * rows_.run_length();
    epilogue_ = {s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi};
    for (std::int64_t g = 0; g < w.groups; ++g) {
      const std::int64_t first = g * per_group_;
      const auto packed = pack_two_of_four(s.layer.weight.data() + first * k_, s.layer.bias.data() + first,
                                           s.layer.multiplier.data() + first, per_group_, k_);
      if (!packed)
        fail("node '{}': 2:4 mode needs at most two non-zero weights in each group of four along the input channels",
             s.node.name);
      weights_.push_back(*packed);
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, copy, first, count, by, [](const std::uint8_t* from, std::uint8_t* to, std::int64_t n) {
        std::memcpy(to, from, static_cast<std::size_t>(n));
      });
    };
    rows_.run(
        context, rows_.copy_bytes(1), own_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, std::int64_t first, const std::uint8_t* copy, std::uint8_t* own) {
          for (std::int64_t m = begin; m < end; m += two_of_four_pixels) {
            block(rows_.copies() ? copy : image, first, out, m, std::min(end, m + two_of_four_pixels), own);
          }
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(1), own_bytes());
  }
  std::string kernel() const override { return kernel_.name; }

 private:
  std::size_t pointer_bytes() const {
    return whole_lines(static_cast<std::size_t>(two_of_four_pixels * rows_.runs()) * sizeof(const std::uint8_t*));
  }
  std::size_t own_bytes() const { return pointer_bytes() + whole_lines(two_of_four_scratch(k_)); }

  void block(const std::uint8_t* image, std::int64_t first, void* out, std::int64_t begin, std::int64_t end,
             std::uint8_t* own) const {
    const auto groups = static_cast<std::int64_t>(weights_.size()), channels = groups * per_group_;
    const WindowTables tables{transform_.pair.data(), transform_.lone.data(), transform_.paired};
    auto** rows = reinterpret_cast<const std::uint8_t**>(own);
    for (std::int64_t g = 0; g < groups; ++g) {
      rows_.pointers(image + g * depth_, first, begin, end, rows);
      auto* to = static_cast<std::uint8_t*>(out) + (begin * channels + g * per_group_) * (epilogue_.to_float ? 4 : 1);
      kernel_.run({end - begin, rows, rows_.runs(), rows_.run_length(), weights_[static_cast<std::size_t>(g)].view(),
                   tables, signed_, epilogue_, to, channels, own + pointer_bytes()});
    }
  }

  ConvShape shape_;
  ActivationTransform transform_;
  bool signed_;
  const TwoOfFourKernel& kernel_;
  std::int64_t depth_ = 0, per_group_ = 0, k_ = 0;
  Epilogue epilogue_;
  ConvRows rows_;
  std::vector<TwoOfFourWeights> weights_;  // by group
};

}  // namespace

Made make_two_of_four(const Source& s) { return std::make_unique<TwoOfFour>(s); }

}  // namespace bitsieve::steps
