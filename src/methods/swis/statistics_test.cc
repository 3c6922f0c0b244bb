#include "methods/swis/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace bitsieve::swis {
namespace {

TEST(SwisStatistics, CountsBitsOfGroups) {
  // 0x21, 0x60 (with a weight that fills the second group), 0, 0x80.
  const std::int8_t w[] = {1, -32, 64, 96, 96, 0, 0, 0, 0, -128, -128, 0};
  const GroupStatistics s = group_statistics(w, {2, 6, 3, 2});
  const GroupStatistics all = group_statistics(w, {1, 12, 12, 32});
  EXPECT_EQ(all.exact[3], 0);
  EXPECT_EQ(all.exact[4], 1);
  EXPECT_EQ(all.exact_consecutive[7], 0);
  EXPECT_EQ(all.exact_consecutive[8], 1);
  // Groups: {1,-32} {64}, {96,96} {0}, {0,0} {0}, {-128,-128} {0}.
  EXPECT_DOUBLE_EQ(s.exact[0], 4.0 / 8);
  EXPECT_DOUBLE_EQ(s.exact[1], 6.0 / 8);
  EXPECT_DOUBLE_EQ(s.exact[2], 1);
  EXPECT_DOUBLE_EQ(s.exact_consecutive[2], 7.0 / 8);
  EXPECT_DOUBLE_EQ(s.occupancy[0], 1.0 / 8);
  EXPECT_DOUBLE_EQ(s.occupancy[5], 2.0 / 8);
  EXPECT_DOUBLE_EQ(s.occupancy[6], 2.0 / 8);
  EXPECT_DOUBLE_EQ(s.occupancy[7], 1.0 / 8);
}

// Specification, A.7, Gaussian weights on a grid scaled by the largest of 65536.
TEST(SwisStatistics, SharesOfTheSpecification) {
  std::mt19937 random(6);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> x(65536);
  double peak = 0;
  for (double& v : x) peak = std::max(peak, std::abs(v = normal(random)));
  std::vector<std::int8_t> w;
  for (const double v : x) w.push_back(static_cast<std::int8_t>(std::nearbyint(v / peak * 127)));
  const auto share = [&](std::int64_t m) { return group_statistics(w, {1, 65536, 65536, m}); };
  EXPECT_NEAR(share(1).exact[3], .779, .02);
  EXPECT_NEAR(share(4).exact[4], .112, .02);
  EXPECT_NEAR(share(4).exact[5], .478, .03);
  EXPECT_NEAR(share(4).exact_consecutive[5], .270, .04);
  EXPECT_NEAR(share(8).exact[5], .078, .02);
}

}  // namespace
}  // namespace bitsieve::swis
