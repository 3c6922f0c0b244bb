#include "quant/bit_sparsity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "quant/test_support.h"

namespace bitsieve {
namespace {

TEST(BitSparsity, LeadingOnesEqualDirectCounting) {
  for (const bool never_negative : {true, false}) {
    std::vector<float> x = gaussian(100000, 21);
    for (std::size_t i = 0; i < x.size(); i += 3) x[i] = 0;
    const ValueStatistics s = seen(x);
    for (const double scale : {0.001, 0.011, 0.1, 5.0}) {
      std::array<double, 9> counted{};
      for (const float v : x) {
        const double magnitude = never_negative ? std::max(v, 0.0f) : std::abs(v);
        const auto code =
            static_cast<unsigned>(std::min(std::nearbyint(magnitude / scale), never_negative ? 255.0 : 127.0));
        counted[static_cast<std::size_t>(std::bit_width(code))] += 1.0 / static_cast<double>(x.size());
      }
      const auto shares = leading_one_shares(s, scale, never_negative);
      double sum = 0;
      // A share ends at two thresholds, each inside a bucket 1/32 wide; a Gaussian has at most
      // 2 * 0.242 * 1/32 of its values there (x phi(x) is at most 0.242).
      for (std::size_t k = 0; k < shares.size(); ++k) {
        EXPECT_NEAR(shares[k], counted[k], 2 * 2 * 0.242 / 32) << k << " at scale " << scale;
        sum += shares[k];
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
}

TEST(BitSparsity, IsExactForPowersOfTwo) {
  // Codes 0, 1, 2, 4, ..., 128 once each. Bucket edges: no tolerance, but for the thresholds half a code below.
  std::vector<float> x = {0};
  for (int p = 0; p < 8; ++p) x.push_back(std::ldexp(1.0f, p));
  const auto shares = leading_one_shares(seen(x), 1, true);
  for (const double share : shares) EXPECT_NEAR(share, 1.0 / 9, 1e-12);
}

TEST(BitSparsity, CountsPairs) {
  ValueObserver observer;
  ValueStatistics s;
  const float x[] = {0, 0, 1, 0, 2, 3, 0, 4};  // two pixels of four channels
  observer.look(x, 8, 4);
  observer.add_counts(s);
  s.add_image(observer.min(), observer.max());
  const BitSparsity report = bit_sparsity(s, 4.0 / 255, true);
  EXPECT_EQ(report.zeros, 0.5);
  EXPECT_EQ(report.pairs_both_zero, 0.25);
  EXPECT_EQ(report.pairs_one_zero, 0.5);
  EXPECT_NEAR(report.leading_one[0], 0.5, 1e-12);
  EXPECT_THROW(bit_sparsity(s, 0, true), Error);
}

}  // namespace
}  // namespace bitsieve
