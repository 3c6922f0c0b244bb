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
  const auto pair = random.bytes(256), table = random.bytes(256);
  std::vector<std::uint8_t> itself(256);
  for (int x = 0; x < 256; ++x) itself[x] = static_cast<std::uint8_t>(x);
  for (const auto& [paired, lone] : {std::pair{false, table}, std::pair{true, table}, std::pair{true, itself}}) {
    const WindowTables tables{pair.data(), lone.data(), paired};
    const auto f = [&, paired = paired, &lone = lone](std::uint8_t x, std::uint8_t partner) {
      return paired && partner == 0 ? lone[x] : pair[x];
    };
    for (std::int64_t n : {0, 1, 2, 3, 5, 31, 32, 33, 61, 63, 64, 65, 127, 128, 129, 1021}) {
      const auto a = random.bytes(n);
      std::vector<std::uint8_t> adjacent(n);
      for (std::int64_t i = 0; i < n; ++i) adjacent[i] = f(a[i], (i ^ 1) < n ? a[i ^ 1] : 0);
      Guarded<std::uint8_t> in(a), out(n);
      kernel.adjacent(tables, in.data(), out.data(), n);
      EXPECT_EQ(out.values(), adjacent) << n;
      kernel.adjacent(tables, in.data(), in.data(), n);
      EXPECT_EQ(in.values(), adjacent) << n << " in place";
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

TEST_P(Window, SpreadMatchesPlainLoop) {
  const WindowKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  if (kernel.needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  test::Random random(3);
  const auto pair = random.bytes(256), lone = random.bytes(256);
  for (const bool alone : {false, true}) {
    for (std::int64_t count : {0, 1, 3}) {
      for (std::int64_t n : {1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1021}) {
        const std::int64_t stride = n + 7, all = count * n, gap = 5, distance = all + gap;
        const auto values = random.bytes(count == 0 ? 0 : (count - 1) * stride + n);
        // What lies between the planes stays as it is.
        std::vector<std::uint8_t> expected((alone ? 2 : 1) * distance + all, 0x5A);
        for (std::int64_t i = 0; i < all; ++i) {
          const std::uint8_t x = values[i / n * stride + i % n];
          expected[i] = x;
          expected[distance + i] = pair[x];
          if (alone) expected[2 * distance + i] = lone[x];
        }
        Guarded<std::uint8_t> in(values), out(std::vector<std::uint8_t>(expected.size(), 0x5A));
        kernel.spread({pair.data(), lone.data(), true}, {in.data(), count, n, stride}, {out.data(), distance, alone});
        EXPECT_EQ(out.values(), expected) << n << " " << count << " " << alone;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Window, testing::ValuesIn(window_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
