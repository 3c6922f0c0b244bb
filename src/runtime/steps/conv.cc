// Dense and grouped convolutions and linear layers in integers, on qgemm.
#include <fmt/format.h>

#include "kernels/qgemm/qgemm.h"
#include "runtime/steps/conv_rows.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"
#include "runtime/steps/windowed_copy.h"

namespace bitsieve::steps {
namespace {

constexpr std::int64_t kMove = 16;  // bytes

class Conv final : public Step {
 public:
  explicit Conv(const Source& s)
      : shape_(conv_shape(s)),
        windowed_(s),
        signed_(s.is_signed()),
        most_weight_(most_weight(s.layer.weight)),
        no_winograd_(why_not_winograd(s)),
        qgemm_(select_qgemm(s.isa, most_weight_)) {
    const Window& w = shape_.window;
    depth_ = shape_.in[0] / w.groups;
    per_group_ = shape_.out[0] / w.groups;
    epilogue_ = {s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi};
    // Pairs follow the K order through the whole filter. Where the depth is even they stay inside a pixel and one pass
    // over the image serves every output; else each output pixel's column is gathered and transformed by itself.
    columns_ = windowed_.paired() && depth_ % 2 == 1;
    // Short runs are gathered byte by byte, unless they are padded.
    const std::int64_t run_values = (w.groups == 1 && w.dilation[1] == 1 ? w.kernel[1] : 1) * depth_;
    const std::int64_t multiple = columns_ ? 1 : run_values < 8 ? 4 : qgemm_.depth_multiple;
    rows_ = ConvRows(shape_.in, shape_.out, w, true, multiple, windowed_.active());
    const std::int64_t runs = rows_.runs(), length = rows_.run_length();
    column_ = (runs * length + 3) / 4 * 4;
    const std::int64_t taps = columns_ ? 1 : runs, run = columns_ ? column_ : rows_.run_padded();
    std::vector<std::int8_t> weight(static_cast<std::size_t>(per_group_ * taps * run));
    for (std::int64_t g = 0; g < w.groups; ++g) {
      const std::int64_t first = g * per_group_;
      for (std::int64_t o = 0; o < per_group_; ++o) {
        for (std::int64_t r = 0; r < runs; ++r) {
          std::copy_n(s.layer.weight.data() + ((first + o) * runs + r) * length, length,
                      weight.data() + (columns_ ? o * run + r * length : (o * runs + r) * run));
        }
      }
      weights_.push_back(qgemm_.pack(
          {per_group_, taps, run, weight.data(), s.layer.bias.data() + first, s.layer.multiplier.data() + first}));
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* image = static_cast<const std::uint8_t*>(in[0]);
    const auto fill = [&](std::uint8_t* copy, std::int64_t first, std::int64_t count, const StepContext& by) {
      rows_.fill(image, copy, first, count, by, [&](const std::uint8_t* from, std::uint8_t* to, std::int64_t n) {
        columns_ ? void(std::memcpy(to, from, static_cast<std::size_t>(n))) : windowed_(from, to, n);
      });
    };
    rows_.run(context, rows_.copy_bytes(1), own_bytes(), fill,
              [&](std::int64_t begin, std::int64_t end, const Strip& strip, const std::uint8_t* copy,
                  std::uint8_t* own) { block(rows_.copies() ? copy : image, strip, out, begin, end, own); });
  }

  std::size_t scratch_bytes(int threads) const override {
    return rows_.scratch_bytes(threads, rows_.copy_bytes(1), own_bytes());
  }

  std::string kernel() const override { return qgemm_.name + windowed_.suffix(); }

  std::string remark() const override {
    if (!no_winograd_.empty()) return no_winograd_;
    for (int most = most_weight_ - 1; most >= 0; --most) {
      const QGemmKernel& other = select_qgemm(qgemm_.isa, most);
      if (&other != &qgemm_)
        return fmt::format("weights up to {}; {} takes up to {}", most_weight_, other.name, other.most_weight);
    }
    return {};
  }

 private:
  std::size_t pointer_bytes() const {
    return whole_lines(static_cast<std::size_t>(block_pixels * rows_.runs()) * sizeof(const std::uint8_t*));
  }
  std::size_t columns_bytes() const {
    return columns_ ? whole_lines(static_cast<std::size_t>(block_pixels * column_ + kMove)) : 0;
  }
  std::size_t own_bytes() const {
    return pointer_bytes() + columns_bytes() +
           whole_lines(static_cast<std::size_t>(qgemm_scratch_bytes(weights_[0].view)));
  }

  void block(const std::uint8_t* image, const Strip& strip, void* out, std::int64_t begin, std::int64_t end,
             std::uint8_t* scratch) const {
    auto** rows = reinterpret_cast<const std::uint8_t**>(scratch);
    const auto groups = static_cast<std::int64_t>(weights_.size()), channels = groups * per_group_;
    const std::int64_t value = epilogue_.to_float ? 4 : 1;
    for (std::int64_t g = 0; g < groups; ++g) {
      rows_.pointers(image + g * depth_, strip, begin, end, rows);
      if (columns_) gather(rows, end - begin, scratch + pointer_bytes());
      auto* to = static_cast<std::uint8_t*>(out) + (begin * channels + g * per_group_) * value;
      qgemm_.run({end - begin, rows, weights_[static_cast<std::size_t>(g)].view, signed_, epilogue_, to, channels,
                  scratch + pointer_bytes() + columns_bytes()});
    }
  }

  // Turns the pointers to runs into pointers to transformed columns. A column's end is filled with zeros: the odd last
  // value meets the partner zero, and zeros stay zeros.
  void gather(const std::uint8_t** rows, std::int64_t count, std::uint8_t* columns) const {
    const std::int64_t runs = rows_.runs(), length = rows_.run_length();
    for (std::int64_t m = 0; m < count; ++m) {
      std::uint8_t* to = columns + m * column_;
      // Whole moves: what they write too much is written again, and the copy may be read past its end.
      for (std::int64_t r = 0; r < runs; ++r, to += length) {
        for (std::int64_t i = 0; i < length; i += kMove) std::memcpy(to + i, rows[m * runs + r] + i, kMove);
      }
      for (std::int64_t i = runs * length; i < column_; ++i) *to++ = 0;
    }
    windowed_(columns, columns, count * column_);
    for (std::int64_t m = 0; m < count; ++m) rows[m] = columns + m * column_;
  }

  ConvShape shape_;
  WindowedCopy windowed_;
  bool signed_;
  int most_weight_;
  std::string no_winograd_;
  const QGemmKernel& qgemm_;
  std::int64_t depth_ = 0, per_group_ = 0;  // of one group
  Epilogue epilogue_;
  bool columns_ = false;
  std::int64_t column_ = 0;  // bytes
  ConvRows rows_;
  std::vector<QGemmWeights> weights_;  // by group
};

}  // namespace

Made make_conv(const Source& s) {
  if (s.layer.transform.active && s.layer.transform.two_of_four) return make_two_of_four(s);
  if (s.node.op == Op::conv && is_depthwise(s)) return make_depthwise(s);
  if (Made packed = make_packed_product(s)) return packed;
  if (Made winograd = make_winograd(s)) return winograd;
  if (Made wide = make_wide_conv(s)) return wide;
  return std::make_unique<Conv>(s);
}

}  // namespace bitsieve::steps
