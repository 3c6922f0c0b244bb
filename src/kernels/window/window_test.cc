#include "kernels/window/window.h"

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

using test::Guarded;

// Tables for values beside a zero: any; the identity; that but for -128, as SPARQ's for s8; and some that are nearly
// so.
std::vector<std::vector<std::uint8_t>> lone_tables(test::Random& random) {
  std::vector<std::uint8_t> itself(256);
  for (int x = 0; x < 256; ++x) itself[x] = static_cast<std::uint8_t>(x);
  std::vector<std::vector<std::uint8_t>> tables{random.bytes(256), itself};
  for (const auto& [at, value] : {std::pair{128, 129}, std::pair{128, 127}, std::pair{127, 126}, std::pair{129, 128},
                                  std::pair{255, 254}, std::pair{0, 1}}) {
    tables.push_back(itself);
    tables.back()[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
  }
  return tables;
}

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
  const auto pair = random.bytes(256);
  std::vector<std::uint8_t> in(2 * 65536), out(in.size()), expected(in.size());
  for (const auto& lone : lone_tables(random)) {
    for (int i = 0; i < 65536; ++i) {
      const auto x = static_cast<std::uint8_t>(i), y = static_cast<std::uint8_t>(i >> 8);
      in[2 * i] = x;
      in[2 * i + 1] = y;
      expected[2 * i] = y == 0 ? lone[x] : pair[x];
      expected[2 * i + 1] = x == 0 ? lone[y] : pair[y];
    }
    kernel.adjacent({pair.data(), lone.data(), true}, in.data(), out.data(), static_cast<std::int64_t>(in.size()));
    EXPECT_EQ(out, expected);
    std::vector<std::uint8_t> planes(3 * 256), spread(planes.size());
    for (std::size_t x = 0; x < 256; ++x) {
      planes[x] = static_cast<std::uint8_t>(x);
      planes[256 + x] = pair[x];
      planes[512 + x] = lone[x];
    }
    kernel.spread({pair.data(), lone.data(), true}, {planes.data(), 1, 256, 256}, {spread.data(), 256, true});
    EXPECT_EQ(spread, planes);
  }
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

// Windows of n bits at multiples of `step`, as in the specification of SPARQ, A.2; of magnitudes of 7 bits what rounds
// to 128 is trimmed.
int windowed(int x, int bits, int step, bool round, bool magnitude) {
  int s = 0;
  while (x >= 1 << (bits + s)) s += step;
  const int q = x >> s;
  if (!round || s == 0) return q << s;
  const int rest = x - (q << s), half = 1 << (s - 1);
  const int up = rest > half || (rest == half && q % 2 == 1) ? 1 : 0;
  const int rounded = std::min(q + up, (1 << bits) - 1) << s;
  return magnitude && rounded > 127 ? q << s : rounded;
}

std::vector<std::uint8_t> table_of(int bits, int step, bool round, bool is_signed) {
  std::vector<std::uint8_t> table(256);
  for (int pattern = 0; pattern < 256; ++pattern) {
    const bool negative = is_signed && pattern >= 128;
    const int x = negative ? std::min(256 - pattern, 127) : pattern, y = windowed(x, bits, step, round, is_signed);
    table[static_cast<std::size_t>(pattern)] = static_cast<std::uint8_t>(negative ? -y : y);
  }
  return table;
}

// Which tables are arithmetic; and kernels give the same with it as by looking up, for all pairs of bytes.
TEST_P(Window, ArithmeticIsTheTable) {
  const WindowKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  if (kernel.needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  std::vector<std::uint8_t> itself(256), in(2 * 65536), by_table(in.size()), by_arithmetic(in.size());
  for (int x = 0; x < 256; ++x) itself[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(x);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint8_t>(i % 2 == 0 ? i / 2 : i / 512);
  const auto n = static_cast<std::int64_t>(in.size());
  for (const bool is_signed : {false, true}) {
    for (const bool round : {false, true}) {
      for (const auto& [bits, step] : {std::pair{4, 1}, std::pair{4, 2}, std::pair{4, 4}, std::pair{8, 1}}) {
        if (is_signed && bits == 8) continue;  // no windows at all
        const auto table = table_of(bits, step, round, is_signed);
        const WindowArithmetic found = find_window_arithmetic(table.data());
        EXPECT_TRUE(found.found) << bits << " " << step << " " << round << " " << is_signed;
        for (const auto& lone : {itself, table_of(6, 1, round, is_signed)}) {
          for (const bool paired : {false, true}) {
            kernel.adjacent({table.data(), lone.data(), paired}, in.data(), by_table.data(), n);
            kernel.adjacent({table.data(), lone.data(), paired, &found}, in.data(), by_arithmetic.data(), n);
            ASSERT_EQ(by_table, by_arithmetic)
                << bits << " " << step << " " << round << " " << is_signed << " " << paired;
          }
          std::vector<std::uint8_t> planes(3 * in.size()), arithmetic_planes(planes.size());
          kernel.spread({table.data(), lone.data(), true}, {in.data(), 1, n, n}, {planes.data(), n, true});
          kernel.spread({table.data(), lone.data(), true, &found}, {in.data(), 1, n, n},
                        {arithmetic_planes.data(), n, true});
          ASSERT_EQ(planes, arithmetic_planes);
        }
      }
      // Windows of fewer bits start inside a nibble.
      EXPECT_FALSE(find_window_arithmetic(table_of(3, 1, round, is_signed).data()).found);
      EXPECT_FALSE(find_window_arithmetic(table_of(2, 1, round, is_signed).data()).found);
    }
  }
  auto table = table_of(4, 1, true, true);
  table[200] ^= 1;
  EXPECT_FALSE(find_window_arithmetic(table.data()).found);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Window, testing::ValuesIn(window_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
