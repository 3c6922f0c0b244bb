// Unary functions: a table of 256 results for 8-bit values, loops for float ones.
#include "kernels/window/window.h"
#include "runtime/reference/ops.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class Table final : public Step {
 public:
  explicit Table(const Source& s)
      : count_(element_count(s.out())),
        table_(s.layer.table),
        kernel_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* x = static_cast<const std::uint8_t*>(in[0]);
    auto* y = static_cast<std::uint8_t*>(out);
    // The window kernels without pairing are plain lookups, with vectors where the machine has them.
    const WindowTables tables{table_.data(), table_.data(), false};
    context.split(count_, 16384, [&](std::int64_t begin, std::int64_t end) {
      kernel_.adjacent(tables, x + begin, y + begin, end - begin);
    });
  }

  std::string kernel() const override { return kernel_.name; }

 private:
  std::int64_t count_;
  std::vector<std::uint8_t> table_;
  const WindowKernel& kernel_;
};

// The functions as in reference::unary, in the form that compilers vectorise.
class UnaryF32 final : public Step {
 public:
  explicit UnaryF32(const Source& s) : node_(s.node), count_(element_count(s.out())) {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const auto* x = static_cast<const float*>(in[0]);
    auto* y = static_cast<float*>(out);
    context.split(count_, 8192,
                  [&](std::int64_t begin, std::int64_t end) { piece(x + begin, y + begin, end - begin); });
  }

  std::string kernel() const override { return "float loop"; }

 private:
  template <class Function>
  static void each(const float* x, float* __restrict y, std::int64_t n, Function f) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
  }

  void piece(const float* x, float* y, std::int64_t n) const {
    const float alpha = node_.attributes.alpha, beta = node_.attributes.beta;
    const float lo = node_.attributes.lo, hi = node_.attributes.hi;
    const auto unit = [](float v) {
      v = v < 1.0f ? v : 1.0f;
      return 0.0f < v ? v : 0.0f;
    };
    switch (node_.op) {
      case Op::relu:
        return each(x, y, n, [](float v) { return v < 0.0f ? 0.0f : v; });
      case Op::leaky_relu:
        return each(x, y, n, [=](float v) { return v < 0 ? alpha * v : v; });
      case Op::clip:
        return each(x, y, n, [=](float v) {
          v = v < lo ? lo : v;
          return hi < v ? hi : v;
        });
      case Op::hard_sigmoid:
        return each(x, y, n, [=](float v) { return unit(alpha * v + beta); });
      case Op::hard_swish:
        return each(x, y, n, [=](float v) { return v * unit(v / 6 + 0.5f); });
      default:
        return each(x, y, n, [this](float v) { return reference::unary(node_, v); });
    }
  }

  const Node& node_;
  std::int64_t count_;
};

}  // namespace

Made make_table(const Source& s) { return std::make_unique<Table>(s); }
Made make_unary_f32(const Source& s) { return std::make_unique<UnaryF32>(s); }

}  // namespace bitsieve::steps
