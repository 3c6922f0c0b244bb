#include "kernels/two_of_four/two_of_four.h"

#include <algorithm>

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

using test::Guarded;

class TwoOfFour : public testing::TestWithParam<const TwoOfFourKernel*> {};

// What the expanded bytes and weights sum to is what the definition says, group by group, for every way to keep
// weights.
TEST_P(TwoOfFour, SumsAreThoseOfTheDefinition) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  test::Random random(1);
  auto pair = random.bytes(256), lone = random.bytes(256);
  pair[0] = lone[0] = 0;
  for (const bool alone : {false, true}) {
    for (int x = 0; x < 256 && !alone; ++x) lone[x] = static_cast<std::uint8_t>(x);
    for (const std::int64_t k : {1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 20, 63, 64, 65, 130}) {
      const std::int64_t n = 11, groups = (k + 3) / 4, padded = 4 * groups;
      auto values = random.bytes(padded);
      for (auto& x : values) x = random.between(0, 2) == 0 ? 0 : x;
      for (std::int64_t i = k; i < padded; ++i) values[i] = 0;
      std::vector<std::uint8_t> planes = values;
      for (const std::uint8_t x : values) planes.push_back(pair[x]);
      for (const std::uint8_t x : values) {
        if (alone) planes.push_back(lone[x]);
      }
      // Channel o of the eleven keeps nothing, one of four or two of four.
      static constexpr int kept_of[11] = {0, 1, 2, 4, 8, 3, 5, 9, 6, 10, 12};
      auto weight = random.weights(n * k);
      for (std::int64_t o = 0; o < n; ++o) {
        for (std::int64_t i = 0; i < k; ++i) {
          if ((kept_of[(o + i / 4) % 11] >> i % 4 & 1) == 0) weight[o * k + i] = 0;
        }
      }
      const auto expanded = expand_weights(weight.data(), n, k);
      ASSERT_TRUE(expanded);
      ASSERT_EQ(static_cast<std::int64_t>(expanded->size()), n * groups * bytes_of_four);
      Guarded<std::uint8_t> in(planes), out(groups * bytes_of_four);
      GetParam()->expand({in.data(), padded, alone}, groups, out.data());

      for (std::int64_t o = 0; o < n; ++o) {
        std::int32_t sum = 0, expected = 0;
        for (std::int64_t i = 0; i < groups * bytes_of_four; ++i)
          sum += out.data()[i] * (*expanded)[o * groups * bytes_of_four + i];
        for (std::int64_t group = 0; group < k; group += 4) {
          std::uint8_t x[2] = {0, 0};
          std::int32_t w[2] = {0, 0};
          int kept = 0;
          for (std::int64_t i = group; i < std::min(group + 4, k); ++i) {
            if (weight[o * k + i] == 0) continue;
            x[kept] = values[i];
            w[kept++] = weight[o * k + i];
          }
          for (int i = 0; i < 2; ++i) expected += (x[1 - i] == 0 ? lone[x[i]] : pair[x[i]]) * w[i];
        }
        EXPECT_EQ(sum, expected) << "k " << k << ", channel " << o << ", " << alone;
      }
    }
  }
}

TEST(ExpandWeights, RefusesThreeOfFour) {
  const std::int8_t weight[] = {1, 2, 0, 0, 3, 4, 5, 0};
  EXPECT_FALSE(expand_weights(weight, 1, 8));
  EXPECT_TRUE(expand_weights(weight, 1, 4));
}

INSTANTIATE_TEST_SUITE_P(Kernels, TwoOfFour, testing::ValuesIn(two_of_four_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
