// The one rounding, in numbers.
#include "quant/requantize.h"

#include <gtest/gtest.h>

#include <limits>

namespace bitsieve {
namespace {

TEST(Requantize, TiesGoToTheEvenNeighbour) {
  const std::pair<int, int> halves[] = {{0, 0}, {1, 0},  {2, 1},     {3, 2},  {4, 2},   {5, 2},   {6, 3},   {7, 4},
                                        {9, 4}, {11, 6}, {253, 126}, {-1, 0}, {-3, -2}, {-5, -2}, {-7, -4}, {-9, -4}};
  for (const auto& [acc, wanted] : halves) EXPECT_EQ(requantize(acc, 0.5f, -127, 127), wanted) << acc;
  const std::pair<int, int> quarters[] = {{1, 0}, {2, 0},  {3, 1},  {5, 1},   {6, 2},
                                          {7, 2}, {10, 2}, {14, 4}, {-6, -2}, {-10, -2}};
  for (const auto& [acc, wanted] : quarters) EXPECT_EQ(requantize(acc, 0.25f, -127, 127), wanted) << acc;
}

TEST(Requantize, ClampsToTheRange) {
  EXPECT_EQ(requantize(510, 0.5f, 0, 255), 255);
  EXPECT_EQ(requantize(511, 0.5f, 0, 255), 255);
  EXPECT_EQ(requantize(-1, 1.0f, 0, 255), 0);
  EXPECT_EQ(requantize(-128, 1.0f, -127, 127), -127);
  EXPECT_EQ(requantize(128, 1.0f, -127, 127), 127);
  EXPECT_EQ(requantize(200, 1.0f, 0, 96), 96);  // a clamp of the layer
  EXPECT_EQ(requantize(std::numeric_limits<std::int32_t>::max(), 1.0f, 0, 255), 255);
  EXPECT_EQ(requantize(std::numeric_limits<std::int32_t>::min(), 1e30f, -127, 127), -127);
}

// 2^24 + 1 lies between two floats and goes to the even one, 2^24; 2^24 + 3 to 2^24 + 4.
TEST(Requantize, LargeSumsRoundOnConversion) {
  constexpr std::int32_t big = 1 << 24, all = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(requantize(big + 1, 1.0f, -all, all - 127), big);
  EXPECT_EQ(requantize(big + 3, 1.0f, -all, all - 127), big + 4);
  EXPECT_EQ(requantize(-big - 1, 1.0f, -all, all - 127), -big);
}

// One rounding of the product to float32: 3 * float32(1/6) is a hair above 0.5 and becomes 0.5, which goes to 0.
TEST(Requantize, TheProductIsRoundedToFloat32) {
  EXPECT_EQ(requantize(3, 1.0f / 6, 0, 255), 0);
  EXPECT_EQ(requantize(9, 1.0f / 6, 0, 255), 2);
  EXPECT_EQ(requantize(15, 1.0f / 6, 0, 255), 2);
}

}  // namespace
}  // namespace bitsieve
