#include "kernels/f32conv/f32conv.h"

#include <memory>

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

using test::Guarded;

class F32Conv : public testing::TestWithParam<const F32ConvKernel*> {
 protected:
  static std::vector<float> reals(test::Random& random, std::int64_t n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (auto& x : v) x = random.real(2.0f);
    return v;
  }

  void check(std::int64_t m, std::int64_t n, std::int64_t taps, std::int64_t depth, bool depthwise) {
    const F32ConvKernel& kernel = *GetParam();
    const std::int64_t k = taps * depth, stride = n + 1;
    test::Random random(static_cast<std::uint32_t>(m * 7919 + n * 131 + k));
    std::vector<std::unique_ptr<Guarded<float>>> pool;
    for (int i = 0; i < 5; ++i) pool.push_back(std::make_unique<Guarded<float>>(reals(random, depthwise ? n : depth)));
    std::vector<const float*> rows(m * taps);
    for (auto& row : rows) row = pool[random.between(0, 4)]->data();
    const auto weight = reals(random, n * k), bias = reals(random, n);
    std::vector<float> expected(m * stride - 1, -77.0f);
    Guarded<float> out(expected);
    const F32Weights packed = depthwise ? pack_f32depthwise(weight.data(), bias.data(), n, taps)
                                        : pack_f32conv(weight.data(), bias.data(), n, taps, depth);
    F32ConvArgs args{m, rows.data(), packed.view, -5.0f, 6.0f, out.data(), stride};
    depthwise ? kernel.run_depthwise(args) : kernel.run(args);
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t i = 0; i < n; ++i) {
        volatile float acc = bias[i];  // volatile: the plain loop as written, rounded after each step
        for (std::int64_t j = 0; j < k; ++j) {
          const float* row = rows[r * taps + j / depth];
          const volatile float product = depthwise ? row[i] * weight[j * n + i] : row[j % depth] * weight[i * k + j];
          acc = acc + product;
        }
        expected[r * stride + i] = std::min(std::max(static_cast<float>(acc), -5.0f), 6.0f);
      }
    }
    EXPECT_TRUE(test::same_bits(out.values(), expected)) << m << " " << n << " " << taps << " " << depth;
  }
};

TEST_P(F32Conv, DenseMatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 23}) check(m, 19, 3, 5, false);
  for (std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 31, 33, 47, 63, 64, 65, 81, 127, 131}) check(7, n, 9, 3, false);
  check(1, 10, 1, 512, false);
}

TEST_P(F32Conv, DepthwiseMatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t n : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 131}) {
    check(3, n, 9, 1, true);
    check(19, n, 25, 1, true);
  }
  for (std::int64_t m : {1, 7, 8, 9, 17}) check(m, 21, 9, 1, true);
}

INSTANTIATE_TEST_SUITE_P(Kernels, F32Conv, testing::ValuesIn(f32conv_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
