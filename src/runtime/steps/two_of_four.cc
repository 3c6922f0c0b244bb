// The 2:4 mode of SPARQ: every output channel pairs the activations that its own kept weights meet.
#include "kernels/two_of_four/two_of_four.h"

#include <fmt/format.h>

#include "base/error.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

constexpr std::int64_t kPixels = 24;         // whose expanded columns lie in the cache at a time
constexpr std::int64_t kExpansion = 4;       // bytes for an input
constexpr std::int64_t kInputsAtOnce = 512;  // whose planes lie in the cache at a time

// Groups of four follow the K order through the whole filter. Where the depth is a multiple of 4 they stay inside a
// pixel: each input is looked up and expanded once, into the copy of the image, for all taps and outputs that see it.
// Else each output pixel's column is gathered, looked up and expanded by itself.
class TwoOfFour final : public Step {
 public:
  explicit TwoOfFour(const Source& s)
      : shape_(conv_shape(s)),
        transform_(s.layer.transform),
        arithmetic_(find_window_arithmetic(transform_.pair.data())),
        signed_(s.is_signed()),
        kernel_(select_two_of_four(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())),
        windows_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())) {
    const Window& w = shape_.window;
    depth_ = shape_.in[0] / w.groups;
    per_group_ = shape_.out[0] / w.groups;
    columns_ = depth_ % 4 != 0;
    if (!transform_.paired) transform_.lone = transform_.pair;
    for (std::size_t x = 0; x < 256; ++x) alone_ = alone_ || transform_.lone[x] != x;
    rows_ = ConvRows(shape_.in, shape_.out, w, true, 1, true, columns_ ? 1 : kExpansion);
    const std::int64_t k = static_cast<std::int64_t>(s.layer.weight.size()) / shape_.out[0];
    column_ = (k + 3) / 4 * 4;
    epilogue_ = {s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi};
    const std::int64_t taps = columns_ ? 1 : rows_.runs();
    for (std::int64_t g = 0; g < w.groups; ++g) {
      const std::int64_t first = g * per_group_;
      std::vector<std::int8_t> weight(static_cast<std::size_t>(per_group_ * column_));
      for (std::int64_t o = 0; o < per_group_; ++o)
        std::copy_n(s.layer.weight.data() + (first + o) * k, k, weight.data() + o * column_);
      auto packed = kernel_.pack({per_group_, taps, column_ / taps, weight.data(), s.layer.bias.data() + first,
                                  s.layer.multiplier.data() + first});
      if (!packed)
        fail("node '{}': 2:4 mode needs at most two non-zero weights in each group of four along the input channels",
             s.node.name);
      weights_.push_back(std::move(*packed));
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, copy, first, count, by, [&](const std::uint8_t* from, std::uint8_t* to, std::int64_t n) {
        columns_ ? void(std::memcpy(to, from, static_cast<std::size_t>(n))) : expand(from, n, to);
      });
    };
    rows_.run(
        context, rows_.copy_bytes(1), own_bytes(), fill,
        [&](std::int64_t begin, std::int64_t end, const Strip& strip, const std::uint8_t* copy, std::uint8_t* own) {
          const std::int64_t together = columns_ ? kPixels : block_pixels;
          for (std::int64_t m = begin; m < end; m += together)
            block(copy, strip, out, m, std::min(end, m + together), own);
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(1), own_bytes());
  }

  std::string remark() const override {
    if (kernel_.expanded_product) return "2:4 pairs differ by output channel: a product four times as long";
    return columns_ ? "2:4 groups run across pixels: columns are expanded one by one" : "";
  }

  std::string kernel() const override { return fmt::format("{} + {}", kernel_.name, windows_.name); }

 private:
  // Scratch of a worker: pointers, then the columns as they are and expanded, then the kernel's.
  std::size_t pointer_bytes() const {
    return whole_lines(static_cast<std::size_t>(block_pixels * rows_.runs()) * sizeof(const std::uint8_t*));
  }
  std::size_t column_bytes() const { return columns_ ? whole_lines(static_cast<std::size_t>(kPixels * column_)) : 0; }
  std::size_t own_bytes() const {
    return pointer_bytes() + (1 + kExpansion) * column_bytes() +
           whole_lines(static_cast<std::size_t>(kernel_.scratch_bytes(weights_[0].view)));
  }

  void block(const std::uint8_t* copy, const Strip& strip, void* out, std::int64_t begin, std::int64_t end,
             std::uint8_t* own) const {
    const auto groups = static_cast<std::int64_t>(weights_.size()), channels = groups * per_group_;
    auto** rows = reinterpret_cast<const std::uint8_t**>(own);
    for (std::int64_t g = 0; g < groups; ++g) {
      rows_.pointers(copy + g * depth_ * (columns_ ? 1 : kExpansion), strip, begin, end, rows);
      if (columns_) gather(rows, end - begin, own + pointer_bytes());
      kernel_.run({end - begin, rows, weights_[static_cast<std::size_t>(g)].view, signed_, epilogue_,
                   static_cast<std::uint8_t*>(out) + (begin * channels + g * per_group_) * (epilogue_.to_float ? 4 : 1),
                   channels, own + pointer_bytes() + (1 + kExpansion) * column_bytes()});
    }
  }

  // Turns the pointers to runs into pointers to expanded columns. A column's end is filled with zeros.
  void gather(const std::uint8_t** rows, std::int64_t count, std::uint8_t* columns) const {
    const std::int64_t runs = rows_.runs(), length = rows_.run_length();
    std::uint8_t* const expanded = columns + column_bytes();
    std::uint8_t* to = columns;
    for (std::int64_t m = 0; m < count; ++m) {
      for (std::int64_t r = 0; r < runs; ++r, to += length)
        std::memcpy(to, rows[m * runs + r], static_cast<std::size_t>(length));
      for (std::int64_t i = runs * length; i < column_; ++i) *to++ = 0;
    }
    expand(columns, count * column_, expanded);
    for (std::int64_t m = 0; m < count; ++m) rows[m] = expanded + m * column_ * kExpansion;
  }

  // n: a multiple of 4.
  void expand(const std::uint8_t* from, std::int64_t n, std::uint8_t* to) const {
    const WindowTables tables{transform_.pair.data(), transform_.lone.data(), true, &arithmetic_};
    alignas(64) std::uint8_t planes[3 * kInputsAtOnce];
    for (std::int64_t i = 0; i < n; i += kInputsAtOnce) {
      const std::int64_t count = std::min(kInputsAtOnce, n - i);
      windows_.spread(tables, {from + i, 1, count, count}, {planes, kInputsAtOnce, alone_});
      kernel_.expand({planes, kInputsAtOnce, alone_}, count / 4, to + kExpansion * i);
    }
  }

  ConvShape shape_;
  ActivationTransform transform_;
  WindowArithmetic arithmetic_;
  bool signed_, alone_ = false;  // alone_: a value beside a zero does not stay as it is
  const TwoOfFourKernel& kernel_;
  const WindowKernel& windows_;
  std::int64_t depth_ = 0, per_group_ = 0;  // of a group of the convolution
  bool columns_ = false;
  std::int64_t column_ = 0;  // inputs of an output, whole groups of four
  Epilogue epilogue_;
  ConvRows rows_;
  std::vector<QGemmWeights> weights_;  // by group of the convolution
};

}  // namespace

Made make_two_of_four(const Source& s) { return std::make_unique<TwoOfFour>(s); }

}  // namespace bitsieve::steps
