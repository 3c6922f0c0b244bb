#include "kernels/f32conv/f32conv.h"

#include <cmath>
#include <cstring>
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

  void check_dense(std::int64_t m, std::int64_t n, std::int64_t taps, std::int64_t depth) {
    const std::int64_t k = taps * depth, stride = n + 1;
    test::Random random(static_cast<std::uint32_t>(m * 7919 + n * 131 + k));
    std::vector<std::unique_ptr<Guarded<float>>> pool;
    for (int i = 0; i < 5; ++i) pool.push_back(std::make_unique<Guarded<float>>(reals(random, depth)));
    std::vector<const float*> rows(m * taps);
    for (auto& row : rows) row = pool[random.between(0, 4)]->data();
    const auto weight = reals(random, n * k), bias = reals(random, n);
    std::vector<float> expected(m * stride - 1, -77.0f);
    Guarded<float> out(expected);
    const F32Weights packed = pack_f32conv(weight.data(), bias.data(), n, taps, depth);
    test::leaving_registers_clean([&] {
      GetParam()->run({m, rows.data(), packed.view, -5.0f, 6.0f, out.data(), stride});
    });
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t i = 0; i < n; ++i) {
        float acc = bias[i];
        for (std::int64_t j = 0; j < k; ++j)
          acc = std::fma(rows[r * taps + j / depth][j % depth], weight[i * k + j], acc);
        expected[r * stride + i] = std::min(std::max(acc, -5.0f), 6.0f);
      }
    }
    EXPECT_TRUE(test::same_bits(out.values(), expected)) << m << " " << n << " " << taps << " " << depth;
  }

  void check_depthwise(std::int64_t m, std::int64_t n, std::int64_t taps, std::int64_t step) {
    const std::int64_t stride = n + 1;
    test::Random random(static_cast<std::uint32_t>(m * 7919 + n * 131 + taps + step));
    std::vector<std::unique_ptr<Guarded<float>>> pool;
    for (int i = 0; i < 5; ++i) pool.push_back(std::make_unique<Guarded<float>>(reals(random, (m - 1) * step + n)));
    std::vector<const float*> from(taps);
    for (auto& tap : from) tap = pool[random.between(0, 4)]->data();
    const auto weight = reals(random, n * taps), bias = reals(random, n);
    std::vector<float> expected(m * stride - 1, -77.0f);
    Guarded<float> out(expected);
    const F32Weights packed = pack_f32depthwise(weight.data(), bias.data(), n, taps);
    test::leaving_registers_clean([&] {
      GetParam()->run_depthwise({m, from.data(), step, packed.view, -5.0f, 6.0f, out.data(), stride});
    });
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t i = 0; i < n; ++i) {
        float acc = bias[i];
        for (std::int64_t t = 0; t < taps; ++t) acc = std::fma(from[t][r * step + i], weight[t * n + i], acc);
        expected[r * stride + i] = std::min(std::max(acc, -5.0f), 6.0f);
      }
    }
    EXPECT_TRUE(test::same_bits(out.values(), expected)) << m << " " << n << " " << taps << " " << step;
  }
};

TEST_P(F32Conv, DenseMatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 23}) check_dense(m, 19, 3, 5);
  for (std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 31, 33, 47, 63, 64, 65, 81, 127, 131}) check_dense(7, n, 9, 3);
  check_dense(1, 10, 1, 512);
}

TEST_P(F32Conv, DepthwiseMatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t n : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 131}) {
    check_depthwise(3, n, 9, n);
    check_depthwise(19, n, 25, 2 * n + 1);
  }
  for (std::int64_t m : {1, 4, 5, 7, 8, 9, 17}) check_depthwise(m, 21, 9, 42);
}

// Where one rounding and two, or a sum in double precision rounded again, differ; and the ends of the range.
TEST_P(F32Conv, OneRounding) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  const float tiny = 1.40129846e-45f, huge = 3.4028234663852886e38f, inf = __builtin_inff();
  struct Case {
    float a, b, c;
  };
  std::vector<Case> cases{
      {1 + 0x1p-23f, 1 + 0x1p-23f, -1},         // the product's last bits are all that is left
      {1 + 0x1p-12f, 1 + 0x1p-12f, 0x1p-60f},   // a double's sum is a float's half; what it lost says up
      {1 + 0x1p-12f, 1 + 0x1p-12f, -0x1p-60f},  // and down
      {-1 - 0x1p-12f, 1 + 0x1p-12f, 0x1p-60f},
      {-1 - 0x1p-12f, 1 + 0x1p-12f, -0x1p-60f},
      {tiny, 0.5f, tiny},
      {tiny, -0.5f, tiny},
      {tiny, tiny, tiny},
      {tiny, tiny, 1},
      {-tiny, tiny, 1},
      {0x1p-75f, 0x1p-75f, 0},
      {0x1p-75f, 0x1.000002p-75f, 0},
      {0x1p-75f, 0x1p-75f, -tiny},
      {huge, huge, -huge},
      {huge, 1, huge},
      {huge, 2, -huge},
      {huge, 1, 0x1p102f},
      {0, -1, 0},
      {-0.0f, 1, -0.0f},
      {inf, 1, 1},
      {1, 1, -inf}};
  test::Random random(7);
  for (int i = 0; i < 20000; ++i) {  // all exponents, not only those of real()
    Case c;
    for (float* x : {&c.a, &c.b, &c.c}) {
      const auto bits = static_cast<std::uint32_t>(random.between(0, 0xffff)) << 16 |
                        static_cast<std::uint32_t>(random.between(0, 0xffff));
      std::memcpy(x, &bits, 4);
      if (!std::isfinite(*x)) *x = 1;
    }
    cases.push_back(c);
    c.c = -c.a * c.b * (1 + random.real(1.0f) * 0x1p-22f);  // cancels
    if (std::isfinite(c.c)) cases.push_back(c);
  }
  for (const auto& [a, b, c] : cases) {
    const float* tap = &a;
    float out = 0;
    const F32Weights packed = pack_f32conv(&b, &c, 1, 1, 1);
    test::leaving_registers_clean([&] { GetParam()->run({1, &tap, packed.view, -inf, inf, &out, 1}); });
    const float expected = std::fma(a, b, c);
    EXPECT_EQ(std::memcmp(&out, &expected, 4), 0)
        << a << " * " << b << " + " << c << ": " << out << ", not " << expected;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, F32Conv, testing::ValuesIn(f32conv_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
