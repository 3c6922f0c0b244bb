// Products of two activations and softmax.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/rounding.h"
#include "runtime/layout.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

// Distances of an operand seen as [batch][row][column].
struct Steps3 {
  std::int64_t batch, row, column;
};

Steps3 steps_of(const Shape& shape) {
  const std::vector<std::int64_t> strides = storage_strides(shape);
  const std::size_t rank = shape.size();
  const std::int64_t matrix = shape[rank - 2] * shape[rank - 1];
  return {rank == 3 ? strides[0] : matrix, strides[rank - 2], strides[rank - 1]};
}

// A, B: std::uint8_t, std::int8_t or float. Sums run along the inner axis, so they vectorise over columns.
template <class A, class B>
class Matmul final : public Step {
 public:
  explicit Matmul(const Source& s)
      : a_(steps_of(s.in(0))),
        b_(steps_of(s.in(1))),
        y_(steps_of(s.out())),
        layer_(s.layer),
        lo_(s.node.clamp_lo),
        hi_(s.node.clamp_hi),
        to_float_(s.out_code().type == DType::f32) {
    const Shape& a = s.in(0);
    m_ = a[a.size() - 2];
    k_ = a.back();
    n_ = s.in(1).back();
    batches_ = element_count(s.out()) / (m_ * n_);
    if (element_count(s.in(1)) == k_ * n_) b_.batch = 0;
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    context.each(batches_ * m_, [&](std::int64_t i, int worker) {
      auto* acc = reinterpret_cast<Sum*>(context.scratch + static_cast<std::size_t>(worker) * worker_bytes());
      const std::int64_t batch = i / m_, row = i % m_;
      const A* a = static_cast<const A*>(in[0]) + batch * a_.batch + row * a_.row;
      const B* b = static_cast<const B*>(in[1]) + batch * b_.batch;
      std::memset(acc, 0, static_cast<std::size_t>(n_) * sizeof(Sum));
      for (std::int64_t j = 0; j < k_; ++j) {
        const Sum value = a[j * a_.column];
        const B* from = b + j * b_.row;
        if (b_.column == 1) {
          for (std::int64_t n = 0; n < n_; ++n) acc[n] += value * from[n];
        } else {
          for (std::int64_t n = 0; n < n_; ++n) acc[n] += value * from[n * b_.column];
        }
      }
      finish(acc, out, batch * y_.batch + row * y_.row);
    });
  }

  std::size_t scratch_bytes(int threads) const override { return static_cast<std::size_t>(threads) * worker_bytes(); }
  std::string kernel() const override { return std::is_same_v<A, float> ? "float loop" : "integer loop"; }

 private:
  using Sum = std::conditional_t<std::is_same_v<A, float>, float, std::int32_t>;

  std::size_t worker_bytes() const { return whole_lines(static_cast<std::size_t>(n_) * sizeof(Sum)); }

  void finish(const Sum* acc, void* out, std::int64_t at) const {
    if constexpr (std::is_same_v<A, float>) {
      for (std::int64_t n = 0; n < n_; ++n) static_cast<float*>(out)[at + n * y_.column] = acc[n];
    } else if (to_float_) {
      for (std::int64_t n = 0; n < n_; ++n) {
        const float y = static_cast<float>(acc[n]) * layer_.multiplier[0];
        static_cast<float*>(out)[at + n * y_.column] = std::min(std::max(y, lo_), hi_);
      }
    } else {
      const auto lo = static_cast<float>(layer_.lo), hi = static_cast<float>(layer_.hi);
      for (std::int64_t n = 0; n < n_; ++n) {
        static_cast<std::uint8_t*>(out)[at + n * y_.column] =
            static_cast<std::uint8_t>(requantize_fast(acc[n], layer_.multiplier[0], lo, hi));
      }
    }
  }

  Steps3 a_, b_, y_;
  const LayerCode& layer_;
  float lo_, hi_;
  bool to_float_;
  std::int64_t m_ = 0, k_ = 0, n_ = 0, batches_ = 0;
};

class SoftmaxF32 final : public Step {
 public:
  explicit SoftmaxF32(const Source& s)
      : shape_(s.out()), strides_(storage_strides(shape_)), axis_(static_cast<std::size_t>(s.node.attributes.axis)) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const std::int64_t n = shape_[axis_], step = strides_[axis_];
    auto* power = reinterpret_cast<double*>(context.scratch);
    for (std::int64_t i = 0, count = element_count(shape_) / n; i < count; ++i) {
      std::int64_t at = 0, rest = i;
      for (std::size_t d = shape_.size(); d-- > 0;) {
        if (d == axis_) continue;
        at += rest % shape_[d] * strides_[d];
        rest /= shape_[d];
      }
      const float* x = static_cast<const float*>(in[0]) + at;
      float top = -INFINITY;
      double sum = 0;
      for (std::int64_t j = 0; j < n; ++j) top = std::max(top, x[j * step]);
      for (std::int64_t j = 0; j < n; ++j) sum += power[j] = std::exp(static_cast<double>(x[j * step] - top));
      for (std::int64_t j = 0; j < n; ++j) static_cast<float*>(out)[at + j * step] = static_cast<float>(power[j] / sum);
    }
  }

  std::size_t scratch_bytes(int) const override {
    return whole_lines(static_cast<std::size_t>(shape_[axis_]) * sizeof(double));
  }
  std::string kernel() const override { return "float loop"; }

 private:
  Shape shape_;
  std::vector<std::int64_t> strides_;
  std::size_t axis_;
};

bool fits(const Source& s) {
  const std::size_t a = s.in(0).size(), b = s.in(1).size();
  if (a < 2 || b < 2 || s.is_constant(0) || s.is_constant(1)) return false;
  return b == 2 || (a == b && s.out().size() == a &&
                    element_count(s.in(0)) * s.out().back() == element_count(s.out()) * s.in(0).back());
}

}  // namespace

Made make_matmul(const Source& s) {
  if (!fits(s)) return nullptr;
  if (s.is_signed(0) && s.is_signed(1)) return std::make_unique<Matmul<std::int8_t, std::int8_t>>(s);
  if (s.is_signed(0)) return std::make_unique<Matmul<std::int8_t, std::uint8_t>>(s);
  if (s.is_signed(1)) return std::make_unique<Matmul<std::uint8_t, std::int8_t>>(s);
  return std::make_unique<Matmul<std::uint8_t, std::uint8_t>>(s);
}

Made make_matmul_f32(const Source& s) {
  if (!fits(s)) return nullptr;
  return std::make_unique<Matmul<float, float>>(s);
}

Made make_softmax_f32(const Source& s) {
  if (s.is_constant(0) || s.in() != s.out() || element_count(s.out()) == 0) return nullptr;
  return std::make_unique<SoftmaxF32>(s);
}

}  // namespace bitsieve::steps
