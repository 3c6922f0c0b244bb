#include "methods/bsq/bit_planes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/error.h"

namespace bitsieve::bsq {
namespace {

using Integers = std::vector<std::int32_t>;
using Floats = std::vector<float>;

Floats plane(const BitPlanes& planes, bool negative, int bit) {
  const auto p = planes.plane(negative, bit);
  return {p.begin(), p.end()};
}

void expect_near(const Floats& got, const Floats& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-6) << i;
}

// Weight i is zero but for the planes given, from the highest bit on.
BitPlanes positive_planes(int bits, float scale, const std::vector<Floats>& weights) {
  BitPlanes planes = split(Integers(weights.size(), 0), bits, scale);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (std::size_t j = 0; j < weights[i].size(); ++j)
      planes.plane(false, bits - 1 - static_cast<int>(j))[i] = weights[i][j];
  }
  return planes;
}

// Specification, A.8.
TEST(BitPlanes, VectorA) {
  const Floats w{0.9f, -0.35f, 0.12f, -1.0f, 0, 0.07f};
  const BitPlanes planes = split(w, 3);
  EXPECT_EQ(planes.scale, 1);
  EXPECT_EQ(integers(planes), (Integers{6, -2, 1, -7, 0, 0}));
  EXPECT_EQ(plane(planes, false, 2), (Floats{1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(plane(planes, false, 1), (Floats{1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(plane(planes, false, 0), (Floats{0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(plane(planes, true, 2), (Floats{0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(plane(planes, true, 1), (Floats{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(plane(planes, true, 0), (Floats{0, 0, 0, 1, 0, 0}));
  expect_near(weights(planes), {0.857143f, -0.285714f, 0.142857f, -1, 0, 0});
  EXPECT_EQ(integers(split(w, 8)), (Integers{230, -89, 31, -255, 0, 18}));
  EXPECT_EQ(integers(split(Floats{3, 0.5f, 1.5f, 2.5f}, 2)), (Integers{3, 0, 2, 2}));  // halves to even
}

// Gradients by hand: rounding counts as the identity, so the weight is linear in its planes and in the scale.
TEST(BitPlanes, VectorBGradients) {
  BitPlanes planes = split(Floats{0.9f, -0.35f, 0.12f, -0.5f}, 3);
  planes.plane(false, 1)[2] = 0.75f;
  const Floats g{0.5f, -2, 1, 3};
  const Floats gradients = plane_gradients(planes, g, 0, 0);
  for (int b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 4; ++i) {
      const double wanted = planes.scale * (1 << b) / 7.0 * g[i];
      EXPECT_NEAR(gradients[static_cast<std::size_t>(2 - b) * 4 + i], wanted, 1e-7);
      EXPECT_NEAR(gradients[static_cast<std::size_t>(5 - b) * 4 + i], -wanted, 1e-7);
    }
  }
  const Integers k = integers(planes);
  double by_scale = 0;
  for (std::size_t i = 0; i < 4; ++i) by_scale += g[i] * k[i] / 7.0;
  EXPECT_NEAR(scale_gradient(planes, g), by_scale, 1e-12);
  // Decay, and the group Lasso, whose gradient is that of its norms.
  const double decay = 0.25, group = 0.5;
  const Floats all = plane_gradients(planes, g, decay, group);
  for (std::size_t j = 0; j < all.size(); ++j) {
    BitPlanes moved = planes;
    const auto norm = [&](float value) {
      moved.values[j] = value;
      const auto norms = group_norms(moved);
      return std::accumulate(norms.begin(), norms.end(), 0.0);
    };
    const float at = planes.values[j];
    const double slope = (norm(at + 0.001f) - norm(at - 0.001f)) / 0.002;
    EXPECT_NEAR(all[j] - gradients[j], decay * at + group * slope, 1e-3) << j;
  }
}

TEST(BitPlanes, VectorCCarries) {
  BitPlanes planes = positive_planes(3, 0.5f, {{1.6f, 1.2f, 0.9f}, {0, 0, 0}});
  planes.plane(true, 1)[1] = 1;
  expect_near(weights(planes, true), {0.5f, -0.142857f});
  expect_near(weights(planes), {0.714286f, -0.142857f});
  const Adjustment done = requantize(planes);
  EXPECT_EQ(done.grown, 1);
  EXPECT_EQ(planes.bits, 4);
  EXPECT_EQ(integers(planes), (Integers{10, -2}));
  EXPECT_NEAR(planes.scale, 1.0714286, 1e-6);
  expect_near(weights(planes), {0.7142857f, -0.142857f});
  // All even: the lowest plane goes at once.
  EXPECT_EQ(strip(planes).from_bottom, 1);
  EXPECT_EQ(planes.bits, 3);
  EXPECT_EQ(integers(planes), (Integers{5, -1}));
  expect_near(weights(planes), {0.7142857f, -0.142857f});

  BitPlanes full = positive_planes(4, 1, {{2, 2, 2, 2}});
  const Adjustment cut = requantize(full, 4);
  EXPECT_EQ(cut.grown, 0);
  EXPECT_EQ(cut.saturated, 1);
  EXPECT_EQ(integers(full), Integers{15});
}

TEST(BitPlanes, VectorDRoundsTheSum) {
  BitPlanes planes = positive_planes(3, 1, {{0.45f, 0.45f, 0.45f}});
  requantize(planes);
  EXPECT_EQ(integers(planes), Integers{3});
  EXPECT_EQ(planes.values, (Floats{0, 1, 1, 0, 0, 0}));
}

TEST(BitPlanes, VectorsEToGStrip) {
  BitPlanes planes = split(Integers{12, -20, 4, 0, 28, -8}, 8, 0.51f);
  const Floats before = weights(planes);
  const Adjustment done = adjust(planes);
  EXPECT_EQ(done.from_top, 3);
  EXPECT_EQ(done.from_bottom, 2);
  EXPECT_EQ(planes.bits, 3);
  EXPECT_EQ(integers(planes), (Integers{3, -5, 1, 0, 7, -2}));
  EXPECT_NEAR(planes.scale, 0.056, 1e-7);
  expect_near(weights(planes), before);
  expect_near(before, {0.024f, -0.04f, 0.008f, 0, 0.056f, -0.016f});

  BitPlanes zero = split(Integers(5, 0), 8, 0.3f);
  adjust(zero);
  EXPECT_EQ(zero.bits, 1);
  EXPECT_NEAR(zero.scale, 0.001176, 1e-6);
  EXPECT_EQ(weights(zero), Floats(5, 0.0f));

  BitPlanes middle = split(Integers{5, -1, 4, 0}, 3, 1);
  adjust(middle);
  EXPECT_EQ(middle.bits, 3);
  EXPECT_EQ(integers(middle), (Integers{5, -1, 4, 0}));
}

// Whatever training does to planes, an adjustment leaves the weights where they were unless it has to saturate.
TEST(BitPlanes, AdjustingKeepsWeights) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 300; ++trial) {
    const int bits = 1 + static_cast<int>(random() % 8);
    BitPlanes planes = split(Integers(20, 0), bits, 0.25f + static_cast<float>(random() % 100));
    // Many planes near zero, so that there is something to strip.
    for (int b = 0; b < bits; ++b) {
      if (random() % 2 == 0) continue;
      for (const bool negative : {false, true}) {
        for (float& value : planes.plane(negative, b)) value = static_cast<float>(random() % 2001) / 1000;
      }
    }
    const Floats before = weights(planes);
    const Adjustment done = adjust(planes, 9);
    EXPECT_EQ(done.saturated, 0);
    EXPECT_EQ(planes.bits, std::max(1, bits + done.grown - done.from_top - done.from_bottom));
    const Floats after = weights(planes);
    for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-5 * planes.scale + 1e-7);
    for (const float value : planes.values) EXPECT_TRUE(value == 0 || value == 1);
    // Nothing is left to take away.
    const Adjustment again = adjust(planes, 9);
    EXPECT_EQ(again.grown + again.from_top + again.from_bottom, 0);
  }
}

// B.8 of the specification: few weights with the highest digit are saturated, few with the lowest lose it.
TEST(BitPlanes, StripsPlanesOfFewWeights) {
  const Integers k{8, -3, 2, 4, -6, 5, 0, 2, 0, -4};  // one of ten has the highest digit, two the lowest
  const auto stripped = [&](double share) {
    BitPlanes planes = split(k, 4, 1.5f);
    const Adjustment done = strip(planes, share);
    return std::pair(done, planes);
  };
  EXPECT_EQ(stripped(0).second.bits, 4);
  EXPECT_EQ(stripped(0.1).second.bits, 4);  // not less than a tenth
  const auto [top, without_top] = stripped(0.11);
  EXPECT_EQ(top.from_top, 1);
  EXPECT_EQ(top.from_bottom, 0);
  EXPECT_EQ(top.saturated, 1);
  EXPECT_EQ(integers(without_top), (Integers{7, -3, 2, 4, -6, 5, 0, 2, 0, -4}));
  EXPECT_NEAR(without_top.step(), 0.1, 1e-7);
  // The weight that was saturated is odd now.
  EXPECT_EQ(stripped(0.29).second.bits, 3);
  const auto [both, least] = stripped(0.3);
  EXPECT_EQ(both.from_top, 1);
  EXPECT_EQ(both.from_bottom, 1);
  EXPECT_EQ(integers(least), (Integers{3, -1, 1, 2, -3, 2, 0, 1, 0, -2}));
  EXPECT_NEAR(least.step(), 0.2, 1e-7);
  // One plane stays, and what is empty goes besides.
  EXPECT_EQ(stripped(1).second.bits, 1);
  BitPlanes even = split(Integers{4, -4, 8, 4, 0}, 6, 1);
  const Adjustment done = strip(even, 0.21);
  EXPECT_EQ(even.bits, 1);
  EXPECT_EQ(integers(even), (Integers{1, -1, 1, 1, 0}));
  EXPECT_EQ(done.from_top, 3);
  EXPECT_EQ(done.from_bottom, 2);
  EXPECT_EQ(done.saturated, 1);
  EXPECT_NEAR(even.step(), 4 / 63.0, 1e-7);
}

TEST(BitPlanes, SplittingIsOffByHalfAStepAtMost) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  for (int bits = 1; bits <= most_bits; ++bits) {
    Floats w(1000);
    for (float& value : w) value = normal(random);
    const BitPlanes planes = split(w, bits);
    const Floats got = weights(planes);
    for (std::size_t i = 0; i < w.size(); ++i) EXPECT_LE(std::abs(got[i] - w[i]), planes.step() * 0.5001f);
  }
  const BitPlanes zero = split(Floats(3, 0.0f), 8);
  EXPECT_EQ(zero.scale, 0);
  EXPECT_EQ(weights(zero), Floats(3, 0.0f));
}

TEST(BitPlanes, HalvesToFitInt8) {
  BitPlanes planes = split(Integers{255, -255, 3, -1, 2, 100, -254}, 8, 2.55f);
  EXPECT_EQ(halve(planes, 8).halved, 0);
  const Adjustment done = halve(planes, 7);
  EXPECT_EQ(done.halved, 1);
  EXPECT_EQ(done.saturated, 2);  // 127.5 is 128, which 7 bits do not hold
  EXPECT_EQ(planes.bits, 7);
  EXPECT_EQ(integers(planes), (Integers{127, -127, 2, 0, 1, 50, -127}));
  EXPECT_NEAR(planes.step(), 0.02, 1e-7);
}

TEST(BitPlanes, RefusesWhatItCannotSplit) {
  EXPECT_THROW(split(Floats{1}, 0), Error);
  EXPECT_THROW(split(Floats{1}, most_bits + 1), Error);
  EXPECT_THROW(split(Floats{1, std::numeric_limits<float>::infinity()}, 8), Error);
}

TEST(BitPlanes, RefusesPlanesThatHoldNoNumbers) {
  BitPlanes planes = split(Floats{0.25f, -1, 0.5f}, 3);
  planes.plane(true, 1)[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(integers(planes), Error);
  EXPECT_THROW(adjust(planes), Error);
}

}  // namespace
}  // namespace bitsieve::bsq
