#include "quant/histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quant/observer.h"

namespace bitsieve {
namespace {

using Limits = std::numeric_limits<float>;

TEST(Histogram, EveryValueLiesInItsBucket) {
  std::mt19937 random(3);
  for (int i = 0; i < 200000; ++i) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(x)) continue;
    const int bucket = Histogram::bucket_of(x), m = bucket % Histogram::magnitudes;
    ASSERT_LT(m, Histogram::finite_magnitudes);
    ASSERT_GE(std::abs(x), Histogram::edge(m));
    ASSERT_LT(std::abs(x), Histogram::edge(m + 1));
    if (m != 0) {
      ASSERT_EQ(bucket >= Histogram::magnitudes, x < 0) << x;
    }
  }
}

TEST(Histogram, EdgesOfKnownNumbers) {
  EXPECT_EQ(Histogram::bucket_of(0.0f), 0);
  EXPECT_EQ(Histogram::bucket_of(-0.0f), 0);
  EXPECT_EQ(Histogram::bucket_of(Limits::denorm_min()), 0);
  EXPECT_EQ(Histogram::edge(0), 0);
  EXPECT_EQ(Histogram::edge(1), std::ldexp(1.0, -131));
  EXPECT_EQ(Histogram::edge(Histogram::bucket_of(6.0f)), 6.0);
  EXPECT_EQ(Histogram::edge(Histogram::bucket_of(6.0f) + 1), 6.125);
  EXPECT_EQ(Histogram::edge(Histogram::bucket_of(Limits::max()) + 1), std::ldexp(1.0, 128));
  for (int m = 32; m < Histogram::finite_magnitudes; ++m) {  // normal numbers: never wider than stated
    EXPECT_LE(Histogram::edge(m + 1) - Histogram::edge(m), Histogram::edge(m) / 32);
  }
}

TEST(Histogram, MergeAddsAndEqualityIgnoresWhereCountsCameFrom) {
  Histogram a, b, both;
  a.add(5, 2);
  a.add(9000, 1);
  b.add(5, 3);
  b.add(100, 4);
  both.add(100, 4);
  both.add(9000, 1);
  both.add(5, 5);
  a.merge(b);
  EXPECT_EQ(a, both);
  EXPECT_EQ(a.total(), 10);
  EXPECT_EQ(a.by_magnitude(true)[100], 4);
  EXPECT_EQ(a.by_magnitude(true)[9000 - Histogram::magnitudes], 0);
  EXPECT_EQ(a.by_magnitude(false)[9000 - Histogram::magnitudes], 1);
  Histogram empty;
  empty.add(7, 0);
  EXPECT_TRUE(empty.empty());
}

// What the observer must say, counted one by one.
struct Plain {
  float min = Limits::max(), max = Limits::lowest();
  ValueStatistics counts;
  Plain(const std::vector<float>& x, std::size_t channels) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      min = std::min(min, x[i] == 0 ? 0.0f : x[i]);
      max = std::max(max, x[i] == 0 ? 0.0f : x[i]);
      ++counts.elements;
      counts.zeros += x[i] == 0;
      counts.histogram.add(Histogram::bucket_of(x[i]), 1);
      if (i % channels % 2 == 1) {
        const int zeros = (x[i - 1] == 0) + (x[i] == 0);
        ++counts.pairs;
        counts.pairs_both_zero += zeros == 2;
        counts.pairs_one_zero += zeros == 1;
      }
    }
  }
};

TEST(ValueObserver, EqualsCountingOneByOne) {
  std::mt19937 random(11);
  ValueObserver observer;  // one for all: nothing may be left over
  const std::vector<float> odd = {0.0f,
                                  -0.0f,
                                  Limits::denorm_min(),
                                  -Limits::denorm_min(),
                                  Limits::min(),
                                  -Limits::min(),
                                  Limits::max(),
                                  Limits::lowest(),
                                  1.0f,
                                  -1.0f,
                                  6.0f,
                                  1e-30f};
  for (int round = 0; round < 400; ++round) {
    const std::size_t channels = 1 + random() % 9, rows = 1 + random() % 40;
    std::vector<float> x(channels * rows);
    const int kind = static_cast<int>(random() % 4);
    for (float& v : x) {
      v = std::normal_distribution<float>(0, 3)(random);
      if (kind == 1) v = std::max(v, 0.0f);
      if (kind == 2) v = odd[random() % odd.size()];
      if (kind == 3) v = round % 8 < 4 ? 0.0f : -0.0f;
    }
    const Plain plain(x, channels);
    ValueStatistics counts;
    observer.look(x.data(), static_cast<std::int64_t>(x.size()), static_cast<std::int64_t>(channels));
    ASSERT_TRUE(observer.finite());
    observer.add_counts(counts);
    ASSERT_EQ(counts, plain.counts) << "round " << round;
    ASSERT_EQ(observer.min(), plain.min);
    ASSERT_EQ(observer.max(), plain.max);
    ASSERT_FALSE(std::signbit(observer.max()) && observer.max() == 0);
  }
}

TEST(ValueObserver, FindsWhatIsNotFinite) {
  for (const float bad : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN()}) {
    for (std::size_t at = 0; at < 9; ++at) {
      std::vector<float> x(9, 1.0f);
      x[at] = bad;
      ValueObserver observer;
      observer.look(x.data(), 9, 3);
      EXPECT_FALSE(observer.finite());
    }
  }
}

}  // namespace
}  // namespace bitsieve
