#include "compress/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace bitsieve {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Sample {
  std::vector<float> values;
  std::vector<std::uint32_t> counts;
  ChannelMoments seen;

  explicit Sample(std::vector<float> v)
      : values(std::move(v)), counts(histogram_bins(1), 0), seen(channel_moments(values, 1)) {
    add_to_histograms(values, seen, counts.size(), counts);
  }
  Distribution distribution() const { return Distribution(counts, seen.low[0], seen.high[0]); }
  Moments clamped(const Affine& a, double lo, double hi) const {
    std::vector<float> y;
    for (const float x : values) y.push_back(static_cast<float>(std::clamp(a.gain * x + a.offset, lo, hi)));
    const ChannelMoments m = channel_moments(y, 1);
    return {m.mean[0], m.variance(0)};
  }
};

// Skewed, with a long tail, as layers' outputs are.
Sample skewed() {
  std::mt19937 random(3);
  std::vector<float> v(20000);
  for (float& x : v) x = std::exp(std::normal_distribution<float>(0, 0.7f)(random)) - 2;
  return Sample(v);
}

TEST(Distribution, ClampedMomentsAreThoseOfTheValues) {
  const Sample sample = skewed();
  const Distribution distribution = sample.distribution();
  const double deviation = std::sqrt(sample.seen.variance(0));
  for (const Affine& a : {Affine{1, 0}, Affine{0.5, 1}, Affine{3, -0.2}}) {
    for (const auto& [lo, hi] : {std::pair{-infinity, infinity}, {0.0, infinity}, {0.0, 1.0}, {-infinity, 0.3}}) {
      const Moments exact = sample.clamped(a, lo, hi), got = distribution.clamped(a, lo, hi);
      EXPECT_NEAR(got.mean, exact.mean, 1e-3 * a.gain * deviation);
      EXPECT_NEAR(std::sqrt(got.variance), std::sqrt(exact.variance), 1e-3 * a.gain * deviation);
    }
  }
}

TEST(Distribution, MatchGivesTheWantedMoments) {
  const Sample sample = skewed();
  for (const auto& [lo, hi] : {std::pair{0.0, infinity}, {0.0, 2.0}}) {
    for (const Affine& truth : {Affine{1.7, 0.4}, Affine{0.6, -0.3}}) {
      const Moments wanted = sample.clamped(truth, lo, hi);
      const Affine both = sample.distribution().match(wanted, lo, hi, true);
      EXPECT_NEAR(both.gain, truth.gain, 0.02);
      EXPECT_NEAR(both.offset, truth.offset, 0.02);
      const Affine mean = sample.distribution().match(wanted, lo, hi, false);
      EXPECT_EQ(mean.gain, 1);
      EXPECT_NEAR(sample.clamped(mean, lo, hi).mean, wanted.mean, 1e-3);
    }
  }
}

TEST(Distribution, GainStopsAtItsLimit) {
  const Sample sample = skewed();
  const Affine large = sample.distribution().match({10, 1e6}, 0, infinity, true);
  const Affine small = sample.distribution().match({10, 1e-6}, 0, infinity, true);
  EXPECT_NEAR(large.gain, max_gain, 1e-6);
  EXPECT_NEAR(small.gain, 1 / max_gain, 1e-6);
  EXPECT_NEAR(sample.clamped(large, 0, infinity).mean, 10, 1e-2);  // the mean still matches
}

TEST(Distribution, OneValueIsADistributionToo) {
  const Sample sample(std::vector<float>(100, 0.75f));
  EXPECT_EQ(sample.counts[0], 100u);
  const Moments m = sample.distribution().clamped({1, 0}, 0, infinity);
  EXPECT_EQ(m.mean, 0.75);
  EXPECT_EQ(m.variance, 0);
  EXPECT_NEAR(sample.distribution().match({2, 0}, 0, infinity, false).offset, 1.25, 1e-9);
}

}  // namespace
}  // namespace bitsieve
