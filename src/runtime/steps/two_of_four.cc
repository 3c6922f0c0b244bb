// The 2:4 mode of SPARQ: every output channel pairs the activations that its own kept weights meet.
#include "kernels/two_of_four/two_of_four.h"

#include <fmt/format.h>

#include "base/error.h"
#include "kernels/qgemm/qgemm.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

constexpr std::int64_t kPixels = 24;  // whose expanded columns lie in the cache at a time; divides block_pixels

// Groups of four follow the K order through the whole filter: each output pixel's column is gathered, looked up and
// expanded by itself.
class TwoOfFour final : public Step {
 public:
  explicit TwoOfFour(const Source& s)
      : shape_(conv_shape(s)),
        transform_(s.layer.transform),
        signed_(s.is_signed()),
        qgemm_(select_qgemm(s.isa)),
        expander_(select_two_of_four(s.isa)),
        windows_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())) {
    const Window& w = shape_.window;
    depth_ = shape_.in[0] / w.groups;
    per_group_ = shape_.out[0] / w.groups;
    if (!transform_.paired) transform_.lone = transform_.pair;
    for (std::size_t x = 0; x < 256; ++x) alone_ = alone_ || transform_.lone[x] != x;
    rows_ = ConvRows(shape_.in, shape_.out, w, true, 1, true);
    const std::int64_t k = rows_.runs() * rows_.run_length();
    groups_ = (k + 3) / 4;
    epilogue_ = {s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi};
    for (std::int64_t g = 0; g < w.groups; ++g) {
      const std::int64_t first = g * per_group_;
      const auto weight = expand_weights(s.layer.weight.data() + first * k, per_group_, k);
      if (!weight)
        fail("node '{}': 2:4 mode needs at most two non-zero weights in each group of four along the input channels",
             s.node.name);
      weights_.push_back(qgemm_.pack({per_group_, 1, groups_ * bytes_of_four, weight->data(),
                                      s.layer.bias.data() + first, s.layer.multiplier.data() + first}));
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
          for (std::int64_t m = begin; m < end; m += kPixels) {
            block(copy, first, out, m, std::min(end, m + kPixels), own);
          }
        });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(1), own_bytes());
  }
  std::string remark() const override { return "2:4 pairs differ by output channel: a product four times as long"; }

  std::string kernel() const override {
    return fmt::format("{} + {} + {}", qgemm_.name, windows_.name, expander_.name);
  }

 private:
  // Scratch of a worker: pointers, then the columns (as they are, coded, coded for a value alone), then expanded.
  std::size_t pointer_bytes() const {
    return whole_lines(static_cast<std::size_t>(kPixels * rows_.runs()) * sizeof(const std::uint8_t*));
  }
  std::size_t plane_bytes() const { return whole_lines(static_cast<std::size_t>(kPixels * groups_ * 4)); }
  std::size_t expanded_bytes() const {
    return whole_lines(static_cast<std::size_t>(kPixels * groups_ * bytes_of_four));
  }
  std::size_t own_bytes() const {
    return pointer_bytes() + (alone_ ? 3 : 2) * plane_bytes() + expanded_bytes() +
           whole_lines(static_cast<std::size_t>(qgemm_scratch_bytes(weights_[0].view)));
  }

  void block(const std::uint8_t* copy, std::int64_t first, void* out, std::int64_t begin, std::int64_t end,
             std::uint8_t* own) const {
    const auto groups = static_cast<std::int64_t>(weights_.size()), channels = groups * per_group_;
    const std::int64_t runs = rows_.runs(), length = rows_.run_length(), count = end - begin, column = groups_ * 4;
    auto** rows = reinterpret_cast<const std::uint8_t**>(own);
    std::uint8_t* const columns = own + pointer_bytes();
    std::uint8_t* const expanded = columns + (alone_ ? 3 : 2) * plane_bytes();
    const WindowPlanes planes{columns, static_cast<std::int64_t>(plane_bytes()), alone_};
    for (std::int64_t g = 0; g < groups; ++g) {
      rows_.pointers(copy + g * depth_, first, begin, end, rows);
      std::uint8_t* to = columns;
      for (std::int64_t m = 0; m < count; ++m) {
        for (std::int64_t r = 0; r < runs; ++r, to += length)
          std::memcpy(to, rows[m * runs + r], static_cast<std::size_t>(length));
        for (std::int64_t i = runs * length; i < column; ++i) *to++ = 0;
      }
      const WindowTables pair{transform_.pair.data(), nullptr, false}, lone{transform_.lone.data(), nullptr, false};
      windows_.adjacent(pair, columns, columns + plane_bytes(), count * column);
      if (alone_) windows_.adjacent(lone, columns, columns + 2 * plane_bytes(), count * column);
      expander_.expand(planes, count * groups_, expanded);
      for (std::int64_t m = 0; m < count; ++m) rows[m] = expanded + m * groups_ * bytes_of_four;
      qgemm_.run({count, rows, weights_[static_cast<std::size_t>(g)].view, signed_, epilogue_,
                  static_cast<std::uint8_t*>(out) + (begin * channels + g * per_group_) * (epilogue_.to_float ? 4 : 1),
                  channels, expanded + expanded_bytes()});
    }
  }

  ConvShape shape_;
  ActivationTransform transform_;
  bool signed_, alone_ = false;  // alone_: a value beside a zero does not stay as it is
  const QGemmKernel& qgemm_;
  const TwoOfFourKernel& expander_;
  const WindowKernel& windows_;
  std::int64_t depth_ = 0, per_group_ = 0, groups_ = 0;  // groups_ of four in a column
  Epilogue epilogue_;
  ConvRows rows_;
  std::vector<QGemmWeights> weights_;  // by group of the convolution
};

}  // namespace

Made make_two_of_four(const Source& s) { return std::make_unique<TwoOfFour>(s); }

}  // namespace bitsieve::steps
