// add, sub and mul of 8-bit values, on elementwise.
#include <cstring>

#include "kernels/elementwise/elementwise.h"
#include "runtime/steps/operand.h"

namespace bitsieve::steps {
namespace {

class Binary final : public Step {
 public:
  static Made make(const Source& s) {
    std::unique_ptr<Binary> step(new Binary(s));
    for (std::size_t k = 0; k < 2; ++k) {
      step->signed_[k] = s.is_constant(k) || s.is_signed(k);
      if (s.is_constant(k)) {
        std::vector<std::uint8_t> bytes(s.layer.constant.begin(), s.layer.constant.end());
        step->constant_[k] = stored_constant(s.in(k), s.out(), bytes, step->operand_[k]);
      } else if (!describe_operand(s.out(), broadcast_strides(s.in(k), s.out()), step->operand_[k])) {
        return nullptr;
      }
    }
    return step;
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const std::uint8_t* x[2];
    for (std::size_t k = 0; k < 2; ++k)
      x[k] = constant_[k].empty() ? static_cast<const std::uint8_t*>(in[k]) : constant_[k].data();
    auto* y = static_cast<std::uint8_t*>(out);
    if (operand_[0].is_full(shape_) && operand_[1].is_full(shape_)) {
      return context.split(shape_.rows * shape_.columns, 16384, [&](std::int64_t begin, std::int64_t end) {
        piece(x[0] + begin, x[1] + begin, y + begin, end - begin);
      });
    }
    // One row at a time; a value that the whole row shares is spread out first.
    std::uint8_t* spread = context.scratch;
    for (std::int64_t row = 0; row < shape_.rows; ++row) {
      const std::uint8_t* from[2];
      for (std::size_t k = 0; k < 2; ++k) {
        from[k] = x[k] + row * operand_[k].row_step;
        if (operand_[k].column_step == 0 && shape_.columns > 1) {
          std::uint8_t* to = spread + static_cast<std::int64_t>(k) * shape_.columns;
          std::memset(to, *from[k], static_cast<std::size_t>(shape_.columns));
          from[k] = to;
        }
      }
      piece(from[0], from[1], y + row * shape_.columns, shape_.columns);
    }
  }

  std::size_t scratch_bytes(int) const override { return whole_lines(static_cast<std::size_t>(shape_.columns) * 2); }
  std::string kernel() const override { return kernel_.name; }

 private:
  explicit Binary(const Source& s)
      : op_(s.node.op),
        shape_(s.out()),
        kernel_(select_elementwise(s.isa)),
        rescale_{s.layer.multiplier.at(0), s.layer.lo, s.layer.hi} {
    if (op_ != Op::mul) {
      factor_[0] = s.layer.operand.at(0);
      factor_[1] = s.layer.operand.at(1);
    }
  }

  void piece(const std::uint8_t* x, const std::uint8_t* y, std::uint8_t* out, std::int64_t n) const {
    const Bytes8 left{x, signed_[0]}, right{y, signed_[1]};
    if (op_ == Op::mul) return kernel_.mul(left, right, rescale_, out, n);
    kernel_.add(left, right, factor_[0], factor_[1], rescale_, out, n);
  }

  Op op_;
  OutputRows shape_;
  const ElementwiseKernel& kernel_;
  Rescale rescale_;
  std::int32_t factor_[2] = {0, 0};
  bool signed_[2] = {false, false};
  Operand operand_[2];
  std::vector<std::uint8_t> constant_[2];
};

}  // namespace

Made make_binary(const Source& s) { return Binary::make(s); }

}  // namespace bitsieve::steps
