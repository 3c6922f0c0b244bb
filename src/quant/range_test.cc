// Distributions whose clipping ranges can be derived. Where a histogram stands between, its buckets are the tolerance.
#include "quant/range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "base/error.h"
#include "quant/test_support.h"

namespace bitsieve {
namespace {

std::vector<float> uniform(std::size_t n, float top) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = top * static_cast<float>(i + 1) / static_cast<float>(n);
  return x;
}

// Quantiles of the exponential distribution of mean 1: no sampling noise.
std::vector<float> exponential(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = static_cast<float>(-std::log((static_cast<double>(i) + 0.5) / static_cast<double>(n)));
  return x;
}

// Counted on the values themselves.
double true_error(const std::vector<float>& x, double clip, bool never_negative) {
  const double steps = never_negative ? 255 : 127, step = clip / steps;
  double sum = 0;
  for (const float v : x) {
    const double code = std::clamp(std::nearbyint(v / step), never_negative ? 0.0 : -steps, steps);
    sum += (v - code * step) * (v - code * step);
  }
  return sum;
}

double high(const ValueStatistics& s, RangeRule rule, bool never_negative, double percentile = 99.99) {
  const Range range = choose_range(s, rule, percentile, never_negative);
  EXPECT_EQ(range.low, never_negative ? 0 : -range.high);
  return range.high;
}

constexpr RangeRule every_rule[] = {RangeRule::minmax, RangeRule::mean_max, RangeRule::percentile, RangeRule::mse,
                                    RangeRule::kl};

TEST(Range, NothingButZerosHasNoRange) {
  for (const RangeRule rule : every_rule) {
    for (const bool never_negative : {true, false}) {
      EXPECT_EQ(choose_range(seen(std::vector<float>(50)), rule, 99.99, never_negative), Range{});
      EXPECT_EQ(choose_range(ValueStatistics{}, rule, 99.99, never_negative), Range{});
    }
  }
}

// 6 is the edge of a bucket, 5.9 is inside one.
TEST(Range, OneSingleValueIsTheRange) {
  for (const float value : {6.0f, 5.9f, 1e-40f, 3e38f}) {
    for (const RangeRule rule : every_rule) {
      for (const bool never_negative : {true, false}) {
        const double found = high(seen(std::vector<float>(1000, value)), rule, never_negative);
        EXPECT_NEAR(found, value, value / 32) << "rule " << name_of(rule);
        if (value == 6.0f) {
          EXPECT_EQ(found, 6);
        }
      }
    }
  }
}

TEST(Range, MinmaxAndMeanMaxAreTheDefinitions) {
  ValueStatistics s = seen({-3, 1, 2});
  s.add_image(-1, 4);
  EXPECT_EQ(high(s, RangeRule::minmax, true), 4);
  EXPECT_EQ(high(s, RangeRule::mean_max, true), 3);  // (2 + 4) / 2
  EXPECT_EQ(high(s, RangeRule::minmax, false), 4);
  EXPECT_EQ(high(s, RangeRule::mean_max, false), 3);  // against (3 + 1) / 2
  ValueStatistics mirrored = seen({-2, -1, 0});
  mirrored.add_image(-6, 1);
  EXPECT_EQ(high(mirrored, RangeRule::mean_max, false), 4);  // (2 + 6) / 2
}

TEST(Range, PercentileOfTheUniformDistribution) {
  const ValueStatistics s = seen(uniform(100000, 10));
  for (const double p : {1.0, 25.0, 50.0, 99.0, 99.99}) {
    EXPECT_NEAR(high(s, RangeRule::percentile, true, p), p / 10, 1e-3) << p;  // evenly spread: interpolation is exact
  }
  EXPECT_EQ(high(s, RangeRule::percentile, true, 100), 10);
}

TEST(Range, PercentileOfTheExponentialDistribution) {
  const ValueStatistics s = seen(exponential(100000));
  for (const double p : {50.0, 90.0, 99.0, 99.9}) {
    const double derived = -std::log(1 - p / 100);
    EXPECT_NEAR(high(s, RangeRule::percentile, true, p), derived, derived / 32);
  }
}

TEST(Range, PercentileOfSignedValuesIsOfMagnitudes) {
  std::vector<float> x = uniform(10000, 8);
  for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -x[i];
  EXPECT_NEAR(high(seen(x), RangeRule::percentile, false, 50), 4, 2e-2);
  // As u8 only the upper half counts, of the same distribution.
  EXPECT_NEAR(high(seen(x), RangeRule::percentile, true, 50), 4, 2e-2);
}

TEST(Range, PercentileThatIsZeroFallsBackToTheLargest) {
  std::vector<float> x(10000);
  x[17] = 5;
  EXPECT_EQ(high(seen(x), RangeRule::percentile, true, 99), 5);
  EXPECT_EQ(high(seen(x), RangeRule::percentile, true, 99.999), 5);  // inside the bucket that ends at the largest
}

TEST(Range, MseKeepsAllOfTheUniformDistribution) {
  // Clipping c off a uniform density on [0, 1]: c^3 / 3 lost, (1 - (1 - c)^2) / (12 * 255^2) won; the derivative is 0
  // at c^2 = (1 - c) / (6 * 255^2): c = 0.0016.
  EXPECT_NEAR(high(seen(uniform(200000, 1)), RangeRule::mse, true), 1, 1.0 / 32 / 16 + 0.0016);
}

TEST(Range, MseOfAGaussianWithOneHugeOutlier) {
  // n values of spread 1 below the clip c, one at 100: n c^2 / (12 steps^2) + (100 - c)^2 is least at
  // c = 100 / (1 + n / (12 steps^2)), as long as a step stays well below 1.
  constexpr int n = 1000000;
  std::vector<float> x = gaussian(n, 5);
  x.push_back(100);
  const double derived = 100 / (1 + n / (12.0 * 127 * 127));
  EXPECT_NEAR(high(seen(x), RangeRule::mse, false), derived, derived / 32);
}

TEST(Range, MseOfTheExponentialDistribution) {
  // Loss beyond c: 2 exp(-c). Won: c^2 / (12 * 255^2). Derivative 0 at c exp(c) = 12 * 255^2 (c = 11.05); values are
  // cut at log(2 n) = 14.5, which takes exp(-14.5) of exp(-11.05) away.
  const double derived = [] {
    double c = 10;
    for (int i = 0; i < 50; ++i) c = std::log(12.0 * 255 * 255 / c);
    return c;
  }();
  EXPECT_NEAR(derived, 11.2, 0.2);
  EXPECT_NEAR(high(seen(exponential(1000000)), RangeRule::mse, true), derived, derived / 16);
}

TEST(Range, SquaredErrorOfEvenlySpreadValuesIsExact) {
  // Against a sum over a million points, for pieces wider and narrower than a step, clipped and not, and points.
  const Magnitudes::Piece pieces[] = {{0, 1, 5},     {0.3, 0.31, 1},      {0.2, 0.9, 2},
                                      {1.5, 2.5, 3}, {0.1234, 0.1234, 7}, {2, 2, 1}};
  for (const auto& piece : pieces) {
    for (const double clip : {0.05, 0.7, 1.0, 3.0}) {
      for (const int steps : {127, 255, 3}) {
        constexpr int points = 1000000;
        double sum = 0;
        for (int i = 0; i < points; ++i) {
          const double x = piece.low + (piece.high - piece.low) * (i + 0.5) / points, step = clip / steps;
          const double d = x - std::min(std::nearbyint(x / step), static_cast<double>(steps)) * step;
          sum += d * d;
        }
        const double expected = piece.count * sum / points;
        EXPECT_NEAR(squared_error({{piece}, 0, piece.high}, clip, steps), expected, 1e-6 * expected + 1e-12);
      }
    }
  }
}

TEST(Range, MseIsNeverWorseThanMinmax) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const bool never_negative = seed % 2 == 0;
    std::mt19937 random(seed);
    std::vector<float> x = gaussian(20000, seed);
    const float power = 0.5f + static_cast<float>(seed) / 4;  // heavier and heavier tails
    for (float& v : x) {
      v = std::copysign(std::pow(std::abs(v), power), v);
      if (never_negative) v = std::max(v, 0.0f);
    }
    const ValueStatistics s = seen(x);
    const double mse = high(s, RangeRule::mse, never_negative), minmax = high(s, RangeRule::minmax, never_negative);
    const Magnitudes magnitudes = magnitudes_of(s, never_negative);
    const int steps = never_negative ? 255 : 127;
    EXPECT_LE(squared_error(magnitudes, mse, steps), squared_error(magnitudes, minmax, steps));
    // On the values themselves: sampling noise of 20000 rounding errors, below 3 %.
    EXPECT_LE(true_error(x, mse, never_negative), 1.03 * true_error(x, minmax, never_negative)) << seed;
    EXPECT_NEAR(squared_error(magnitudes, mse, steps), true_error(x, mse, never_negative),
                0.05 * true_error(x, mse, never_negative));
  }
}

TEST(Range, KlKeepsAllOfTheUniformDistribution) {
  // Every bin equal: averaging loses nothing at any range, so any clipping at all is worse.
  EXPECT_EQ(high(seen(uniform(500000, 1)), RangeRule::kl, true), 1);
}

TEST(Range, KlCutsAHugeOutlierOffAGaussian) {
  std::vector<float> x = gaussian(300000, 9);
  const double without = high(seen(x), RangeRule::kl, false);
  EXPECT_GT(without, 3);  // 99.7 % of a Gaussian
  EXPECT_LE(without, 5.5);
  x.push_back(100);
  // 128 bins of 100 / 2048 are 6.25: the least that can be kept, and every value but one is below.
  EXPECT_LE(high(seen(x), RangeRule::kl, false), 10);
  EXPECT_GE(high(seen(x), RangeRule::kl, false), 4);
}

// The usual program: rebuild both distributions for every number of bins and add up.
double plain_kl_clip(const std::vector<float>& x, int levels) {
  constexpr int bins = 2048;
  const double top = *std::max_element(x.begin(), x.end());
  std::vector<double> all(bins);
  for (const float v : x) {
    if (v > 0) ++all[static_cast<std::size_t>(std::min(bins - 1, static_cast<int>(v / top * bins)))];
  }
  double least = INFINITY;
  int best = bins;
  for (int kept = levels; kept <= bins; ++kept) {
    std::vector<double> p(all.begin(), all.begin() + kept), q(p.size()), inside = p;
    for (int i = kept; i < bins; ++i) p.back() += all[static_cast<std::size_t>(i)];
    for (int level = 0; level < levels; ++level) {
      const int begin = level * kept / levels, end = (level + 1) * kept / levels;
      double sum = 0, occupied = 0;
      for (int i = begin; i < end; ++i)
        sum += inside[static_cast<std::size_t>(i)], occupied += p[static_cast<std::size_t>(i)] > 0;
      if (level == levels - 1) sum = std::max(sum, 1.0);
      for (int i = begin; i < end; ++i)
        q[static_cast<std::size_t>(i)] = p[static_cast<std::size_t>(i)] > 0 ? sum / occupied : 0;
    }
    double sum_q = 0, sum_p = 0, divergence = 0;
    for (const double v : q) sum_q += v;
    for (const double v : p) sum_p += v;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] > 0) divergence += p[i] / sum_p * std::log(p[i] / sum_p / (q[i] / sum_q));
    }
    if (divergence < least) least = divergence, best = kept;
  }
  return top * best / bins;
}

TEST(Range, KlIsNearTheUsualProgramOnTheValuesThemselves) {
  for (const double power : {0.7, 1.0, 1.5}) {
    std::vector<float> x = exponential(2000000);
    for (float& v : x) v = static_cast<float>(std::pow(v, power));
    for (const bool never_negative : {true, false}) {
      const double plain = plain_kl_clip(x, never_negative ? 256 : 128);
      EXPECT_NEAR(high(seen(x), RangeRule::kl, never_negative), plain, 0.15 * plain) << power;
    }
  }
}

TEST(Range, RefusesWhatMakesNoSense) {
  const ValueStatistics s = seen({1, 2});
  for (const double p : {0.0, -1.0, 100.1, std::nan("")})
    EXPECT_THROW(choose_range(s, RangeRule::percentile, p, true), Error);
  ValueStatistics old = s;
  old.histogram = {};
  EXPECT_EQ(high(old, RangeRule::minmax, true), 2);
  EXPECT_THROW(choose_range(old, RangeRule::mse, 99.99, true), Error);
}

}  // namespace
}  // namespace bitsieve
