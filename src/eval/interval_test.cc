#include "eval/interval.h"

#include <gtest/gtest.h>

#include <random>

namespace bitsieve {
namespace {

TEST(Wilson, KnownValues) {
  // 80 of 100: 0.7112 to 0.8666 (tabulated in Newcombe 1998's method 3, recomputed by hand).
  const auto interval = wilson_interval(80, 100);
  EXPECT_NEAR(interval[0], 71.12, 0.01);
  EXPECT_NEAR(interval[1], 86.66, 0.01);
  EXPECT_NEAR(wilson_interval(0, 10)[0], 0, 1e-12);
  EXPECT_NEAR(wilson_interval(10, 10)[1], 100, 1e-12);
}

TEST(PairedDrop, ByHand) {
  // n = 100, 8 lost, 2 gained: p = 9/102, q = 3/102, difference 0.0588; standard error
  // sqrt((0.11765 - 0.00346) / 102) = 0.03346, times 1.96 = 0.06558.
  const PairedDrop p = paired_drop(100, 8, 2);
  EXPECT_NEAR(p.drop, 6, 1e-12);
  EXPECT_NEAR(p.ci95[0], -0.676, 0.001);
  EXPECT_NEAR(p.ci95[1], 12.441, 0.001);
}

TEST(PairedDrop, SymmetricAndNeverOutside) {
  const PairedDrop a = paired_drop(50, 7, 3), b = paired_drop(50, 3, 7);
  EXPECT_DOUBLE_EQ(a.ci95[0], -b.ci95[1]);
  EXPECT_DOUBLE_EQ(a.ci95[1], -b.ci95[0]);
  for (std::int64_t n : {1, 2, 5}) {
    const PairedDrop all = paired_drop(n, n, 0);
    EXPECT_EQ(all.drop, 100);
    EXPECT_LE(all.ci95[1], 100);
    EXPECT_GE(all.ci95[0], -100);
  }
  EXPECT_EQ(paired_drop(0, 0, 0).ci95, (std::array<double, 2>{-100, 100}));
}

TEST(PairedDrop, NarrowerThanTwoIntervals) {
  // 500 images, 78 % and 77 % right, 13 changed: the two Wilson intervals are 7 points wide each.
  const auto a = wilson_interval(390, 500), b = wilson_interval(385, 500);
  const PairedDrop p = paired_drop(500, 9, 4);
  EXPECT_LT(p.ci95[1] - p.ci95[0], 3.5);
  EXPECT_GT(a[1] - b[0], 7);
}

// The interval holds the true drop in at least 94 % of simulated experiments (nominal: 95 %).
TEST(PairedDrop, Coverage) {
  std::mt19937 random(1);
  std::discrete_distribution<int> kind({0.90, 0.06, 0.04});  // unchanged, lost, gained: true drop 2 points
  int covered = 0;
  constexpr int experiments = 4000;
  for (int e = 0; e < experiments; ++e) {
    std::int64_t counts[3] = {0, 0, 0};
    for (int i = 0; i < 200; ++i) ++counts[kind(random)];
    const PairedDrop p = paired_drop(200, counts[1], counts[2]);
    covered += p.ci95[0] <= 2 && 2 <= p.ci95[1];
  }
  EXPECT_GT(covered, experiments * 0.94);
  EXPECT_LT(covered, experiments * 0.98);
}

}  // namespace
}  // namespace bitsieve
