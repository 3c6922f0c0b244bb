#include "kernels/plane_step/plane_step.h"

#include <algorithm>
#include <cmath>

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

// A layer's variables, drawn at random; a third of the planes on their bounds.
struct Layer {
  std::int64_t size;
  int bits;
  std::vector<float> planes, shrinkage, momentum, rho, rounded;
  std::vector<double> squares;

  Layer(std::int64_t size, int bits, test::Random& random) : size(size), bits(bits) {
    for (std::int64_t i = 0; i < 2 * bits * size; ++i) {
      const auto kind = random.between(0, 5);
      planes.push_back(kind == 0 ? 0.0f : kind == 1 ? 2.0f : 1.0f + random.real(1.0f));
    }
    shrinkage.assign(planes.size(), 0.0f);
    momentum.assign(static_cast<std::size_t>(size), 0.0f);
    for (int b = 0; b < bits; ++b) rho.push_back(0.001f + 0.001f * static_cast<float>(b));
    rounded.resize(static_cast<std::size_t>(size));
    squares.resize(static_cast<std::size_t>(bits));
  }

  void step(const PlaneStepKernel& kernel, const std::vector<float>& gradient, float step) {
    std::fill(squares.begin(), squares.end(), 0.0);
    for (std::int64_t first = 0; first < size; first += plane_step_chunk) {
      std::vector<double> part(squares.size());
      PlaneStepArgs args;
      args.count = std::min(plane_step_chunk, size - first);
      args.bits = bits;
      args.stride = size;
      args.planes = planes.data() + first;
      args.shrinkage = shrinkage.data() + first;
      args.momentum = momentum.data() + first;
      args.gradient = gradient.data() + first;
      args.rho = rho.data();
      args.step = step;
      args.rate = 0.1f;
      args.keep = 0.9f;
      args.rounded = rounded.data() + first;
      args.squares = part.data();
      test::leaving_registers_clean([&] { kernel.run(args); });
      for (std::size_t b = 0; b < part.size(); ++b) squares[b] += part[b];
    }
  }
};

std::vector<float> draw_gradient(std::int64_t size, test::Random& random) {
  std::vector<float> gradient;
  for (std::int64_t i = 0; i < size; ++i) gradient.push_back(random.real(0.3f));
  return gradient;
}

class PlaneStep : public testing::TestWithParam<const PlaneStepKernel*> {
 protected:
  void SetUp() override { BITSIEVE_SKIP_UNSUPPORTED(*GetParam()); }
};

// 200 steps of SGD with a momentum for every plane, its gradient written out, and the bounds (specification, D.2, which
// measured 4.8e-7). In double, so that the deviation is the kernel's: a step rounds a plane, and what its two momenta
// add to it, by half of 2^-22 each at most, as all stay below 4. Measured: 1.5e-6.
TEST_P(PlaneStep, IsPlainSgdOnPlanes) {
  for (const int bits : {1, 3, 8}) {
    test::Random random(static_cast<std::uint32_t>(bits));
    Layer layer(100, bits, random);
    std::vector<double> planes(layer.planes.begin(), layer.planes.end()), velocity(planes.size(), 0.0);
    std::int64_t at_bounds = 0;
    double worst = 0;
    const float step = bits == 1 ? 0.5f : 0.05f;
    for (int t = 0; t < 200; ++t) {
      const std::vector<float> gradient = draw_gradient(layer.size, random);
      layer.step(*GetParam(), gradient, step);
      for (std::size_t j = 0; j < planes.size(); ++j) {
        const int row = static_cast<int>(j / 100), b = bits - 1 - row % bits;
        const double e = row < bits ? 1 << b : -(1 << b);
        velocity[j] =
            0.9f * velocity[j] + e * step * gradient[j % 100] + layer.rho[static_cast<std::size_t>(b)] * planes[j];
        planes[j] = std::clamp(planes[j] - 0.1f * velocity[j], 0.0, 2.0);
        at_bounds += planes[j] == 0 || planes[j] == 2;
        worst = std::max(worst, std::abs(planes[j] - layer.planes[j]));
      }
    }
    EXPECT_GT(at_bounds, 200 * static_cast<std::int64_t>(planes.size()) / 25);
    EXPECT_LT(worst, 200 * 3 * 1.2e-7) << bits;
    // What goes on to the next step: whole weights, and the norms of what the planes are now.
    for (std::size_t i = 0; i < 100; ++i) {
      double u = 0;
      for (int b = 0; b < bits; ++b) {
        const auto row = static_cast<std::size_t>(bits - 1 - b);
        u += (1 << b) * (static_cast<double>(layer.planes[row * 100 + i]) -
                         layer.planes[(row + static_cast<std::size_t>(bits)) * 100 + i]);
      }
      EXPECT_EQ(layer.rounded[i], std::nearbyint(layer.rounded[i]));
      EXPECT_NEAR(layer.rounded[i], u, 0.5001);
    }
    for (int b = 0; b < bits; ++b) {
      double squares = 0;
      for (const int row : {bits - 1 - b, 2 * bits - 1 - b}) {
        for (std::size_t i = 0; i < 100; ++i)
          squares += std::pow(layer.planes[static_cast<std::size_t>(row) * 100 + i], 2);
      }
      EXPECT_NEAR(layer.squares[static_cast<std::size_t>(b)], squares, 1e-5 * squares + 1e-9);
    }
  }
}

TEST_P(PlaneStep, IsTheSameOnEveryIsa) {
  for (const std::int64_t size : {1, 15, 16, 17, 1000, 1024, 2500}) {
    for (const int bits : {1, 2, 5, 8, 10}) {
      test::Random random(static_cast<std::uint32_t>(size * 16 + bits));
      Layer one(size, bits, random);
      Layer other = one;
      for (int t = 0; t < 3; ++t) {
        const std::vector<float> gradient = draw_gradient(size, random);
        one.step(*GetParam(), gradient, 0.02f);
        other.step(*plane_step_kernels().back(), gradient, 0.02f);
      }
      ASSERT_TRUE(test::same_bits(one.planes, other.planes)) << size << " " << bits;
      ASSERT_TRUE(test::same_bits(one.shrinkage, other.shrinkage));
      ASSERT_TRUE(test::same_bits(one.momentum, other.momentum));
      ASSERT_TRUE(test::same_bits(one.rounded, other.rounded));
      ASSERT_EQ(one.squares, other.squares);
    }
  }
}

TEST_P(PlaneStep, HalvesGoToEvenAndNansStay) {
  test::Random random(1);
  Layer layer(4, 2, random);
  layer.planes = {0, 1, 1, 0, 0.5f, 0.5f, 1.5f, 1, 0, 0, 0, 0, 0, 0, 0, 1.5f};
  layer.rho = {0, 0};
  layer.step(*GetParam(), {0, 0, 0, 0}, 1);
  EXPECT_EQ(layer.rounded, (std::vector<float>{0, 2, 4, 0}));  // 0.5, 2.5, 3.5, -0.5
  layer.step(*GetParam(), {0, NAN, 0, 0}, 1);
  EXPECT_TRUE(std::isnan(layer.rounded[1]));
  EXPECT_FALSE(std::isnan(layer.rounded[0]));
}

INSTANTIATE_TEST_SUITE_P(Kernels, PlaneStep, testing::ValuesIn(plane_step_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
