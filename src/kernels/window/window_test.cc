#include "kernels/window/window.h"

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

using test::Guarded;

class Window : public testing::TestWithParam<const WindowKernel*> {};

TEST_P(Window, MatchesPlainLoop) {
  const WindowKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  if (kernel.needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  test::Random random(1);
  const auto pair = random.bytes(256), lone = random.bytes(256);
  for (bool paired : {false, true}) {
    const WindowTables tables{pair.data(), lone.data(), paired};
    const auto f = [&](std::uint8_t x, std::uint8_t partner) { return paired && partner == 0 ? lone[x] : pair[x]; };
    for (std::int64_t n : {0, 1, 2, 3, 5, 31, 32, 33, 61, 63, 64, 65, 127, 128, 129, 1021}) {
      const auto a = random.bytes(n), b = random.bytes(n);
      std::vector<std::uint8_t> adjacent(n), rows_a(n), rows_b(n), alone(n);
      for (std::int64_t i = 0; i < n; ++i) {
        adjacent[i] = f(a[i], (i ^ 1) < n ? a[i ^ 1] : 0);
        rows_a[i] = f(a[i], b[i]);
        rows_b[i] = f(b[i], a[i]);
        alone[i] = f(a[i], 0);
      }
      Guarded<std::uint8_t> in_a(a), in_b(b), out_a(n), out_b(n);
      kernel.adjacent(tables, in_a.data(), out_a.data(), n);
      EXPECT_EQ(out_a.values(), adjacent) << n;
      kernel.alone(tables, in_a.data(), out_a.data(), n);
      EXPECT_EQ(out_a.values(), alone) << n;
      kernel.rows(tables, in_a.data(), in_b.data(), out_a.data(), out_b.data(), n);
      EXPECT_EQ(out_a.values(), rows_a) << n;
      EXPECT_EQ(out_b.values(), rows_b) << n;
      kernel.adjacent(tables, in_a.data(), in_a.data(), n);
      EXPECT_EQ(in_a.values(), adjacent) << n << " in place";
    }
  }
}

TEST_P(Window, EveryPairOfBytes) {
  const WindowKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  if (kernel.needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  test::Random random(2);
  const auto pair = random.bytes(256), lone = random.bytes(256);
  std::vector<std::uint8_t> in(2 * 65536), out(in.size()), expected(in.size());
  for (int i = 0; i < 65536; ++i) {
    const auto x = static_cast<std::uint8_t>(i), y = static_cast<std::uint8_t>(i >> 8);
    in[2 * i] = x;
    in[2 * i + 1] = y;
    expected[2 * i] = y == 0 ? lone[x] : pair[x];
    expected[2 * i + 1] = x == 0 ? lone[y] : pair[y];
  }
  kernel.adjacent({pair.data(), lone.data(), true}, in.data(), out.data(), static_cast<std::int64_t>(in.size()));
  EXPECT_EQ(out, expected);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Window, testing::ValuesIn(window_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
