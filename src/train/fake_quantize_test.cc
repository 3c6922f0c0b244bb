#include "train/fake_quantize.h"

#include <gtest/gtest.h>

#include "methods/methods.h"

namespace bitsieve::train {
namespace {

// Values and gradients of `f` at x, with a gradient of its result that tells all values apart.
template <class F>
std::pair<torch::Tensor, torch::Tensor> with_gradient(const torch::Tensor& x, const F& f) {
  const torch::Tensor leaf = x.detach().clone().set_requires_grad(true);
  const torch::Tensor y = f(leaf.mul(1));
  y.backward(torch::linspace(-2, 3, y.numel()).reshape(y.sizes()));
  return {y.detach(), leaf.grad()};
}

TEST(FakeQuantize, IsWhatTorchsOperatorsGive) {
  torch::manual_seed(51);
  const torch::Tensor drawn = torch::randn({5, 7, 13, 11}) * 9;
  for (const double step : {1.0, 0.25, static_cast<double>(0.0713f), static_cast<double>(3.1e-3f)}) {
    // Codes, what lies between two, and both ends.
    const torch::Tensor codes = torch::arange(-300, 600).to(torch::kFloat) * (0.5 * step);
    for (const Grid& grid : {Grid{step, 0, 255, false}, Grid{step, 0, 255, true}, Grid{step, -127, 127, false}}) {
      for (const torch::Tensor& x : {drawn, codes, drawn.transpose(1, 3)}) {
        const auto fast = with_gradient(x, [&](const torch::Tensor& t) { return on_grid(t, grid); });
        const auto slow = with_gradient(x, [&](const torch::Tensor& t) { return plain::on_grid(t, grid); });
        EXPECT_TRUE(fast.first.equal(slow.first)) << step << grid.relu << grid.lo;
        EXPECT_TRUE(fast.second.equal(slow.second)) << step << grid.relu << grid.lo;
      }
    }
  }
  const torch::NoGradGuard guard;
  EXPECT_TRUE(on_grid(drawn, {0.1, 0, 255, true}).equal(plain::on_grid(drawn, {0.1, 0, 255, true})));
}

TEST(FakeQuantize, SumsAreThoseOfTorchsOperators) {
  torch::manual_seed(53);
  const torch::Tensor a = torch::randn({3, 5, 7, 11}) * 9, b = torch::randn({3, 5, 7, 11}) * 9;
  const Grid grid{0.05, 0, 255, true};
  const std::array<double, 2> factors = {1.00002, -0.99997};
  for (const bool second : {false, true}) {
    const auto sum = [&](const auto& f) {
      return [&, f](const torch::Tensor& t) { return second ? f(a, t, factors, grid) : f(t, b, factors, grid); };
    };
    const auto fast = with_gradient(second ? b : a, sum(sum_on_grid));
    const auto slow = with_gradient(second ? b : a, sum(plain::sum_on_grid));
    EXPECT_TRUE(fast.first.equal(slow.first));
    EXPECT_TRUE(fast.second.equal(slow.second));
  }
}

class EveryCode : public testing::TestWithParam<std::string> {};

// Pairs of planes and of neighbours, even and odd, of both signs.
TEST_P(EveryCode, IsReadAsByTorchsOperators) {
  torch::manual_seed(52);
  const double step = 0.0713;
  for (const bool is_signed : {false, true}) {
    const ActivationTransform t = require_activation_code(GetParam()).make_transform(is_signed);
    for (const auto& [shape, axis] : {std::pair<std::vector<std::int64_t>, std::int64_t>{{4, 8, 5, 5}, 1},
                                      {{3, 7, 40, 40}, 1},
                                      {{2, 3, 9, 12}, -1},
                                      {{17, 6}, -1},
                                      {{4, 9}, -1},
                                      {{3, 5, 1, 1}, 1},
                                      {{1, 1}, 1}}) {
      torch::Tensor codes = torch::randint(is_signed ? -127 : 0, is_signed ? 128 : 256, shape);
      codes = torch::where(torch::rand(shape) < 0.4, torch::zeros(shape), codes);  // zeros make pairs
      const torch::Tensor x = codes.mul(step);
      const auto fast = with_gradient(
          x, [&, axis = axis](const torch::Tensor& v) { return read_codes(v, step, is_signed, t, axis); });
      const auto slow = with_gradient(
          x, [&, axis = axis](const torch::Tensor& v) { return plain::read_codes(v, step, is_signed, t, axis); });
      EXPECT_TRUE(fast.first.equal(slow.first)) << torch::IntArrayRef(shape) << is_signed;
      EXPECT_TRUE(fast.second.equal(slow.second)) << torch::IntArrayRef(shape) << is_signed;
    }
  }
}

std::vector<std::string> trainable_codes() {
  std::vector<std::string> names;
  for (const ActivationCodeRow& row : activation_codes()) {
    if (row.transform[0].active && !row.transform[0].two_of_four) names.push_back(row.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Codes, EveryCode, testing::ValuesIn(trainable_codes()));

}  // namespace
}  // namespace bitsieve::train
