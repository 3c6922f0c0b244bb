#include "eval/accuracy.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(Sqnr, TenPercentNoiseIsTwentyDecibels) {
  const std::vector<float> reference{10, -10}, x{9, -11};
  EXPECT_NEAR(sqnr_db(reference, x), 20, 1e-9);
  EXPECT_TRUE(std::isinf(sqnr_db(reference, reference)));
}

TEST(Agreement, CountsEqualFirstClasses) {
  EXPECT_EQ(agreement({{1, 2}, {3, 1}}, {{0, 1}, {0, 1}}), 50);
}

}  // namespace
}  // namespace bitsieve
