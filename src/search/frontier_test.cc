#include "search/frontier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace bitsieve {
namespace {

TEST(Frontier, KeepsWhatNothingBeats) {
  const std::vector<FrontierPoint> points{{90, {8}}, {89, {4}}, {88, {5}}, {70, {2}}, {90, {9}}};
  EXPECT_EQ(on_frontier(points), (std::vector<bool>{true, true, false, true, false}));
}

TEST(Frontier, EqualPointsStandOrFallTogether) {
  EXPECT_EQ(on_frontier(std::vector<FrontierPoint>{{90, {8}}, {90, {8}}, {80, {8}}}),
            (std::vector<bool>{true, true, false}));
  EXPECT_EQ(on_frontier(std::vector<FrontierPoint>{{90, {8}}, {90, {8}}, {90, {7}}}),
            (std::vector<bool>{false, false, true}));
}

TEST(Frontier, SecondCostKeepsAPoint) {
  EXPECT_EQ(on_frontier(std::vector<FrontierPoint>{{90, {8, 100}}, {90, {4, 200}}, {90, {8, 200}}}),
            (std::vector<bool>{true, true, false}));
}

TEST(Frontier, NotANumberIsNeverOnItAndInfinityIs) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(on_frontier(std::vector<FrontierPoint>{{nan, {1}}, {50, {4}}, {inf, {32}}, {60, {nan}}}),
            (std::vector<bool>{false, true, true, false}));
  EXPECT_TRUE(on_frontier({}).empty());
}

TEST(Frontier, DifferentCostsAreRefused) {
  EXPECT_THROW(on_frontier(std::vector<FrontierPoint>{{1, {1}}, {1, {1, 2}}}), Error);
  EXPECT_THROW(on_frontier(std::vector<FrontierPoint>{{1, {}}}), Error);
}

// Every point off the frontier is beaten by one that is on it.
TEST(Frontier, CoversEveryPoint) {
  std::mt19937 random(3);
  std::vector<FrontierPoint> points;
  for (int i = 0; i < 200; ++i) {
    points.push_back(
        {static_cast<double>(random() % 20), {static_cast<double>(random() % 20), static_cast<double>(random() % 5)}});
  }
  const std::vector<bool> on = on_frontier(points);
  const auto count = std::count(on.begin(), on.end(), true);
  EXPECT_GT(count, 1);
  EXPECT_LT(count, 200);
  for (std::size_t i = 0; i < points.size(); ++i) {
    bool covered = on[i];
    for (std::size_t j = 0; j < points.size(); ++j) {
      covered = covered || (on[j] && points[j].quality >= points[i].quality &&
                            points[j].costs[0] <= points[i].costs[0] && points[j].costs[1] <= points[i].costs[1]);
    }
    EXPECT_TRUE(covered) << i;
  }
}

}  // namespace
}  // namespace bitsieve
