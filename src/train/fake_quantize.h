// Values on the grid of a quantized model, and what a layer reads of them through its activation code, with gradients
// that pass rounding. On the CPU, in float32, by kernels/fake_quantize; elsewhere by torch's own operators, which give
// the same values.
#pragma once
#include <torch/torch.h>

#include <array>

#include "quant/model.h"

namespace bitsieve::train {

// Whole steps, codes lo to hi. relu: of what is above 0, with torch's gradient: none at 0.
struct Grid {
  double step = 1, lo = 0, hi = 255;
  bool relu = false;
};

// round(clamp(x / step, lo, hi)) * step, halves to even; gradients end where x is clipped.
torch::Tensor on_grid(const torch::Tensor& x, const Grid& grid);

// on_grid(factors[0] * a + factors[1] * b, grid), each product rounded. a and b have the same shape.
torch::Tensor sum_on_grid(const torch::Tensor& a, const torch::Tensor& b, const std::array<double, 2>& factors,
                          const Grid& grid);

// What a layer with activation code t makes of x, values on the grid of this step: neighbours along `axis` are pairs,
// an odd last one has none. The gradient is that of x.
torch::Tensor read_codes(const torch::Tensor& x, double step, bool is_signed, const ActivationTransform& t,
                         std::int64_t axis);

// The same by torch's operators alone.
namespace plain {
torch::Tensor on_grid(const torch::Tensor& x, const Grid& grid);
torch::Tensor sum_on_grid(const torch::Tensor& a, const torch::Tensor& b, const std::array<double, 2>& factors,
                          const Grid& grid);
torch::Tensor read_codes(const torch::Tensor& x, double step, bool is_signed, const ActivationTransform& t,
                         std::int64_t axis);
}  // namespace plain

}  // namespace bitsieve::train
