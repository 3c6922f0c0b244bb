// add, sub, mul and div of float values, and the float unary functions.
#include "runtime/reference/ops.h"
#include "runtime/steps/operand.h"

namespace bitsieve::steps {
namespace {

struct Clamp {
  float lo, hi;
  float operator()(float x) const {
    x = x < lo ? lo : x;
    return hi < x ? hi : x;
  }
};

// Constant steps turn the inner loops into vector code. out lies apart from both operands.
template <std::int64_t StepP, std::int64_t StepQ, class Function>
void row(const float* p, const float* q, float* __restrict y, std::int64_t n, Clamp clamp, Function f) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = clamp(f(p[i * StepP], q[i * StepQ]));
}

template <class Function>
void any_row(const float* p, std::int64_t step_p, const float* q, std::int64_t step_q, float* y, std::int64_t n,
             Clamp clamp, Function f) {
  if (step_p != 0 && step_q != 0) return row<1, 1>(p, q, y, n, clamp, f);
  if (step_p != 0) return row<1, 0>(p, q, y, n, clamp, f);
  if (step_q != 0) return row<0, 1>(p, q, y, n, clamp, f);
  row<0, 0>(p, q, y, n, clamp, f);
}

class BinaryF32 final : public Step {
 public:
  static Made make(const Source& s) {
    std::unique_ptr<BinaryF32> step(new BinaryF32(s));
    for (std::size_t k = 0; k < 2; ++k) {
      if (s.is_constant(k)) {
        const Tensor& constant = *s.model.graph.values[static_cast<std::size_t>(s.node.inputs[k])].constant;
        step->constant_[k] = stored_constant(constant.shape, s.out(), constant.data, step->operand_[k]);
      } else if (!describe_operand(s.out(), broadcast_strides(s.in(k), s.out()), step->operand_[k])) {
        return nullptr;
      }
    }
    return step;
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const float* x[2];
    for (std::size_t k = 0; k < 2; ++k)
      x[k] = constant_[k].empty() ? static_cast<const float*>(in[k]) : constant_[k].data();
    auto* y = static_cast<float*>(out);
    if (operand_[0].is_full(shape_) && operand_[1].is_full(shape_)) {
      return context.split(shape_.rows * shape_.columns, 8192, [&](std::int64_t begin, std::int64_t end) {
        piece(x[0] + begin, 1, x[1] + begin, 1, y + begin, end - begin);
      });
    }
    context.split(shape_.rows, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(shape_.columns, 1)),
                  [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t i = begin; i < end; ++i) {
                      piece(x[0] + i * operand_[0].row_step, operand_[0].column_step, x[1] + i * operand_[1].row_step,
                            operand_[1].column_step, y + i * shape_.columns, shape_.columns);
                    }
                  });
  }

  std::string kernel() const override { return "float loop"; }

 private:
  explicit BinaryF32(const Source& s) : op_(s.node.op), shape_(s.out()), clamp_{s.node.clamp_lo, s.node.clamp_hi} {}

  void piece(const float* p, std::int64_t step_p, const float* q, std::int64_t step_q, float* y, std::int64_t n) const {
    switch (op_) {
      case Op::add:
        return any_row(p, step_p, q, step_q, y, n, clamp_, [](float a, float b) { return a + b; });
      case Op::sub:
        return any_row(p, step_p, q, step_q, y, n, clamp_, [](float a, float b) { return a - b; });
      case Op::mul:
        return any_row(p, step_p, q, step_q, y, n, clamp_, [](float a, float b) { return a * b; });
      default:
        return any_row(p, step_p, q, step_q, y, n, clamp_, [](float a, float b) { return a / b; });
    }
  }

  Op op_;
  OutputRows shape_;
  Clamp clamp_;
  Operand operand_[2];
  std::vector<float> constant_[2];
};

}  // namespace

Made make_binary_f32(const Source& s) { return BinaryF32::make(s); }

}  // namespace bitsieve::steps
