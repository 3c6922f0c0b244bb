#include "train/fake_quantize.h"

#include <ATen/Parallel.h>

#include <array>

#include "base/cpu.h"
#include "kernels/fake_quantize/fake_quantize.h"
#include "train/through.h"

namespace bitsieve::train {
namespace {

// Entries of t.pair or t.lone as codes, by pattern.
torch::Tensor table_of(const std::array<std::uint8_t, 256>& patterns, bool is_signed, const torch::Device& device) {
  const torch::Tensor table = torch::empty({256});
  for (std::size_t i = 0; i < 256; ++i) {
    const int code = is_signed ? static_cast<std::int8_t>(patterns[i]) : patterns[i];
    table.data_ptr<float>()[i] = static_cast<float>(code);
  }
  return table.to(device);
}

// What a layer with this code makes of codes: neighbours along `axis` are pairs, an odd last one has none.
torch::Tensor windowed(const ActivationTransform& t, bool is_signed, const torch::Tensor& codes, std::int64_t axis) {
  const torch::Tensor patterns = codes.to(torch::kLong).bitwise_and(255);
  const torch::Tensor both = table_of(t.pair, is_signed, codes.device()).index({patterns});
  if (!t.paired) return both;
  const torch::Tensor alone = table_of(t.lone, is_signed, codes.device()).index({patterns});
  const std::int64_t length = codes.size(axis), even = length / 2 * 2;
  std::vector<std::int64_t> pairs = codes.sizes().vec();
  axis = axis < 0 ? axis + codes.dim() : axis;
  pairs[static_cast<std::size_t>(axis)] = even / 2;
  pairs.insert(pairs.begin() + axis + 1, 2);
  torch::Tensor empty = codes.narrow(axis, 0, even).eq(0).reshape(pairs).flip(axis + 1).flatten(axis, axis + 1);
  if (even != length) empty = torch::cat({empty, torch::ones_like(codes.narrow(axis, even, 1), torch::kBool)}, axis);
  return torch::where(empty, alone, both);
}

constexpr std::int64_t grain = 1 << 14;  // values for which a thread is worth its start

const FakeQuantizeKernel& kernel() {
  static const FakeQuantizeKernel& chosen = select_fake_quantize(best_isa());
  return chosen;
}

bool has_kernel(const torch::Tensor& x) { return x.is_cpu() && x.scalar_type() == torch::kFloat; }

FakeQuantizeArgs args_of(const Grid& grid) {
  FakeQuantizeArgs args;
  args.step = static_cast<float>(grid.step);
  args.lo = static_cast<float>(grid.lo);
  args.hi = static_cast<float>(grid.hi);
  args.low = static_cast<float>(grid.lo * grid.step);
  args.high = static_cast<float>(grid.hi * grid.step);
  args.relu = grid.relu;
  return args;
}

// x, or the sum of x and other where that is defined; inside: out, where gradients are wanted.
torch::Tensor quantized(const torch::Tensor& x, const torch::Tensor& other, const std::array<double, 2>& factors,
                        const Grid& grid, torch::Tensor* inside) {
  torch::Tensor y = torch::empty_like(x);
  if (inside != nullptr) *inside = torch::empty(x.sizes(), torch::kByte);
  at::parallel_for(0, x.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    FakeQuantizeArgs args = args_of(grid);
    args.count = end - begin;
    args.x = x.data_ptr<float>() + begin;
    args.other = other.defined() ? other.data_ptr<float>() + begin : nullptr;
    args.factor = static_cast<float>(factors[0]);
    args.other_factor = static_cast<float>(factors[1]);
    args.y = y.data_ptr<float>() + begin;
    args.inside = inside != nullptr ? inside->data_ptr<std::uint8_t>() + begin : nullptr;
    kernel().quantize(args);
  });
  return y;
}

torch::Tensor passed(const torch::Tensor& gradient, const torch::Tensor& inside, float factor) {
  torch::Tensor result = torch::empty_like(gradient);
  at::parallel_for(0, gradient.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    kernel().pass(end - begin, gradient.data_ptr<float>() + begin, inside.data_ptr<std::uint8_t>() + begin, factor,
                  result.data_ptr<float>() + begin);
  });
  return result;
}

struct OnGrid : torch::autograd::Function<OnGrid> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x, const Grid& grid,
                               bool with_gradient) {
    torch::Tensor inside;
    const torch::Tensor y = quantized(x.contiguous(), {}, {1, 1}, grid, with_gradient ? &inside : nullptr);
    if (with_gradient) context->save_for_backward({inside});
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    return {passed(gradients[0].contiguous(), context->get_saved_variables()[0], 1), torch::Tensor(), torch::Tensor()};
  }
};

struct SumOnGrid : torch::autograd::Function<SumOnGrid> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& a,
                               const torch::Tensor& b, const std::array<double, 2>& factors, const Grid& grid,
                               bool with_gradient) {
    torch::Tensor inside;
    const torch::Tensor y = quantized(a.contiguous(), b.contiguous(), factors, grid, with_gradient ? &inside : nullptr);
    if (with_gradient) {
      context->save_for_backward({inside});
      context->saved_data["first"] = factors[0];
      context->saved_data["second"] = factors[1];
    }
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::Tensor gradient = gradients[0].contiguous(), inside = context->get_saved_variables()[0];
    const auto factor = [&](const char* which) { return static_cast<float>(context->saved_data[which].toDouble()); };
    return {passed(gradient, inside, factor("first")), passed(gradient, inside, factor("second")), torch::Tensor(),
            torch::Tensor(), torch::Tensor()};
  }
};

// [256] of float: code by pattern, in units of the values.
std::array<float, 256> values_of(const std::array<std::uint8_t, 256>& patterns, bool is_signed, float step) {
  std::array<float, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const int code = is_signed ? static_cast<std::int8_t>(patterns[i]) : patterns[i];
    table[i] = static_cast<float>(code) * step;
  }
  return table;
}

}  // namespace

torch::Tensor plain::on_grid(const torch::Tensor& x, const Grid& grid) {
  const torch::Tensor y = grid.relu ? torch::relu(x) : x;
  return through(y.clamp(grid.lo * grid.step, grid.hi * grid.step),
                 (y.detach() / grid.step).round_().clamp_(grid.lo, grid.hi).mul_(grid.step));
}

torch::Tensor plain::sum_on_grid(const torch::Tensor& a, const torch::Tensor& b, const std::array<double, 2>& factors,
                                 const Grid& grid) {
  return plain::on_grid(a * factors[0] + b * factors[1], grid);
}

torch::Tensor plain::read_codes(const torch::Tensor& x, double step, bool is_signed, const ActivationTransform& t,
                                std::int64_t axis) {
  const torch::Tensor codes = (x.detach() / step).round_();
  return through(x, windowed(t, is_signed, codes, axis).to(x.scalar_type()).mul_(step));
}

torch::Tensor on_grid(const torch::Tensor& x, const Grid& grid) {
  if (!has_kernel(x)) return plain::on_grid(x, grid);
  return OnGrid::apply(x, grid, x.requires_grad() && torch::GradMode::is_enabled());
}

torch::Tensor sum_on_grid(const torch::Tensor& a, const torch::Tensor& b, const std::array<double, 2>& factors,
                          const Grid& grid) {
  if (!has_kernel(a) || !has_kernel(b)) return plain::sum_on_grid(a, b, factors, grid);
  return SumOnGrid::apply(a, b, factors, grid,
                          (a.requires_grad() || b.requires_grad()) && torch::GradMode::is_enabled());
}

torch::Tensor read_codes(const torch::Tensor& x, double step, bool is_signed, const ActivationTransform& t,
                         std::int64_t axis) {
  if (!has_kernel(x)) return plain::read_codes(x, step, is_signed, t, axis);
  axis = axis < 0 ? axis + x.dim() : axis;
  const torch::Tensor values = x.detach().contiguous(), result = torch::empty_like(values);
  // Pairs of planes of `inner` values; without pairs all are one plane that has no neighbour.
  const std::int64_t length = t.paired ? values.size(axis) : 1, pairs = (length + 1) / 2;
  std::int64_t outer = 1, inner = 1;
  for (std::int64_t d = 0; d < values.dim(); ++d) {
    if (!t.paired || d > axis) inner *= values.size(d);
    if (t.paired && d < axis) outer *= values.size(d);
  }
  const auto step32 = static_cast<float>(step);
  const std::array<float, 256> pair = values_of(t.pair, is_signed, step32),
                               lone = values_of(t.paired ? t.lone : t.pair, is_signed, step32);
  const float* const in = values.data_ptr<float>();
  float* const out = result.data_ptr<float>();
  if (!t.paired || inner > 1) {
    // Without pairs, in pieces that threads can share.
    const std::int64_t piece = t.paired ? inner : std::min(inner, grain);
    const std::int64_t pieces = t.paired ? outer * pairs : (inner + piece - 1) / piece;
    at::parallel_for(0, pieces, std::max<std::int64_t>(1, grain / piece), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t at = t.paired ? (i / pairs * length + i % pairs * 2) * inner : i * piece;
        const bool neighbour = t.paired && i % pairs * 2 + 1 < length;
        ReadCodesArgs args{t.paired ? inner : std::min(piece, inner - at),
                           1,
                           in + at,
                           neighbour ? in + at + inner : nullptr,
                           out + at,
                           neighbour ? out + at + inner : nullptr,
                           step32,
                           pair.data(),
                           lone.data()};
        kernel().read(args);
      }
    });
  } else {
    // Neighbours lie side by side.
    at::parallel_for(0, outer, std::max<std::int64_t>(1, grain / length), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t at = i * length, last = at + length - 1;
        kernel().read({length / 2, 2, in + at, in + at + 1, out + at, out + at + 1, step32, pair.data(), lone.data()});
        if (length % 2 != 0)
          kernel().read({1, 1, in + last, nullptr, out + last, nullptr, step32, pair.data(), lone.data()});
      }
    });
  }
  return through(x, result);
}

}  // namespace bitsieve::train
