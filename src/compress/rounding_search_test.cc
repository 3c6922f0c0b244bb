#include "compress/rounding_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace bitsieve {
namespace {

struct Values {
  std::vector<std::int16_t> data;
  std::vector<const std::int16_t*> rows;
};

// k rows of correlated values from -127 to 255.
Values values(std::int64_t k, std::int64_t columns, unsigned seed) {
  std::mt19937 random(seed);
  Values v;
  v.data.resize(static_cast<std::size_t>(k * columns));
  for (std::int64_t c = 0; c < columns; ++c) {
    const auto common = static_cast<std::int64_t>(random() % 128);
    for (std::int64_t i = 0; i < k; ++i) {
      v.data[static_cast<std::size_t>(i * columns + c)] =
          static_cast<std::int16_t>(static_cast<std::int64_t>(random() % 255) - 127 + common);
    }
  }
  for (std::int64_t i = 0; i < k; ++i) v.rows.push_back(v.data.data() + i * columns);
  return v;
}

double form(const Matrix& h, const std::vector<double>& e) {
  double total = 0;
  for (std::int64_t i = 0; i < h.size; ++i) {
    for (std::int64_t j = 0; j < h.size; ++j) {
      total += h.row(i)[j] * e[static_cast<std::size_t>(i)] * e[static_cast<std::size_t>(j)];
    }
  }
  return total;
}

// Real weights from -3 to 3 with the whole numbers around them; now: the nearest.
std::vector<WeightChoice> weights(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed + 1000);
  std::vector<WeightChoice> choices(static_cast<std::size_t>(count));
  for (WeightChoice& c : choices) {
    c.target = static_cast<double>(random() % 6000) / 1000 - 3;
    c.below = static_cast<std::int16_t>(std::floor(c.target));
    c.above = static_cast<std::int16_t>(std::ceil(c.target));
    c.now = static_cast<std::int16_t>(std::nearbyint(c.target));
  }
  return choices;
}

std::vector<double> errors(const WeightChoice* choices, std::int64_t k) {
  std::vector<double> e;
  for (std::int64_t i = 0; i < k; ++i) e.push_back(choices[i].target - choices[i].now);
  return e;
}

TEST(Gram, OfTwoMatricesIsExactToo) {
  for (const std::int64_t k : {1, 6, 45, 70}) {
    const std::int64_t n = 2500;
    const Values v = values(k, n, 3);
    Values w = values(k, n, 4);
    for (std::int16_t& value : w.data) value = static_cast<std::int16_t>(value * 8);  // up to most_other_value
    for (const bool centred : {false, true}) {
      const Matrix one = cross_gram(v.rows, w.rows, n, centred, 1);
      EXPECT_EQ(one.data, cross_gram(v.rows, w.rows, n, centred, 3).data);
      for (std::int64_t i = 0; i < k; ++i) {
        for (std::int64_t j = 0; j < k; ++j) {
          const std::int16_t *a = v.rows[static_cast<std::size_t>(i)], *b = w.rows[static_cast<std::size_t>(j)];
          std::int64_t products = 0, sum_a = 0, sum_b = 0;
          for (std::int64_t c = 0; c < n; ++c) products += a[c] * b[c], sum_a += a[c], sum_b += b[c];
          ASSERT_EQ(one.row(i)[j], static_cast<double>(n * products - (centred ? sum_a * sum_b : 0)));
        }
      }
    }
  }
  // The largest products an int32 meets.
  const std::vector<std::int16_t> high(4096, most_value), other(4096, most_other_value);
  EXPECT_EQ(cross_gram({high.data()}, {other.data()}, 4096, false, 1).row(0)[0],
            4096.0 * 4096 * most_value * most_other_value);
}

TEST(Gram, IsExactAndTheSameForAnyThreads) {
  for (const std::int64_t k : {1, 6, 45, 70}) {
    const std::int64_t n = 2500;
    const Values v = values(k, n, 3);
    for (const bool centred : {false, true}) {
      const Matrix one = gram(v.rows, n, centred, 1), three = gram(v.rows, n, centred, 3);
      EXPECT_EQ(one.data, three.data);
      const std::vector<double> diagonal = gram_diagonal(v.rows, n, centred);
      for (std::int64_t i = 0; i < k; ++i) {
        EXPECT_EQ(diagonal[static_cast<std::size_t>(i)], one.row(i)[i]);
        for (std::int64_t j = 0; j < k; ++j) {
          const std::int16_t *a = v.rows[static_cast<std::size_t>(i)], *b = v.rows[static_cast<std::size_t>(j)];
          std::int64_t products = 0, sum_a = 0, sum_b = 0;
          for (std::int64_t c = 0; c < n; ++c) products += a[c] * b[c], sum_a += a[c], sum_b += b[c];
          ASSERT_EQ(one.row(i)[j], static_cast<double>(n * products - (centred ? sum_a * sum_b : 0)));
        }
      }
    }
  }
  // The most that int32 has to hold.
  const std::vector<std::int16_t> top(most_columns, 255);
  EXPECT_EQ(gram({top.data()}, most_columns, false, 1).data[0], 65025.0 * most_columns * most_columns);
  EXPECT_THROW(gram({top.data()}, most_columns + 1, false, 1), Error);
}

TEST(Gram, CholeskyGivesItBack) {
  for (const std::int64_t k : {1, 7, 100, 600}) {
    const Values v = values(k, 1000, 5);
    const Matrix h = gram(v.rows, 1000, true, 2);
    const Matrix l = cholesky(h, 1);
    EXPECT_EQ(l.data, cholesky(h, 3).data);
    for (std::int64_t i = 0; i < k; i += 3) {
      for (std::int64_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (std::int64_t c = 0; c <= j; ++c) sum += l.row(i)[c] * l.row(j)[c];
        ASSERT_NEAR(sum, h.row(i)[j], 1e-9 * std::sqrt(h.row(i)[i] * h.row(j)[j])) << k << " " << i << " " << j;
      }
    }
  }
  EXPECT_THROW(cholesky(Matrix(3), 1), Error);
}

// All 2^6 choices of each filter.
TEST(RoundingSearch, FindsTheOptimumOfFewWeightsNearlyAlways) {
  constexpr std::int64_t k = 6;
  int optimal = 0, all = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Values v = values(k, 50, seed);
    const Matrix h = gram(v.rows, 50, false, 1);
    const RoundingSearch search(h, 1);
    std::vector<WeightChoice> choices = weights(k * RoundingSearch::lanes, seed);
    const std::vector<WeightChoice> start = choices;
    const std::vector<FilterResult> results = search.run(choices);
    ASSERT_EQ(results.size(), static_cast<std::size_t>(RoundingSearch::lanes));
    for (std::size_t l = 0; l < results.size(); ++l) {
      const WeightChoice* filter = choices.data() + l * k;
      const double after = form(h, errors(filter, k)), before = form(h, errors(start.data() + l * k, k));
      EXPECT_NEAR(results[l].before, before, 1e-9 * before);
      EXPECT_NEAR(results[l].after, after, 1e-6 * before);
      EXPECT_LE(after, before * (1 + 1e-9));
      double least = INFINITY;
      for (int bits = 0; bits < 1 << k; ++bits) {
        std::vector<double> e;
        for (std::int64_t i = 0; i < k; ++i) {
          e.push_back(filter[i].target - (bits >> i & 1 ? filter[i].above : filter[i].below));
        }
        least = std::min(least, form(h, e));
      }
      std::int64_t changed = 0;
      for (std::int64_t i = 0; i < k; ++i) {
        ASSERT_TRUE(filter[i].now == filter[i].below || filter[i].now == filter[i].above);
        changed += filter[i].now != start[l * k + static_cast<std::size_t>(i)].now;
        std::vector<double> e = errors(filter, k);  // no single change helps
        e[static_cast<std::size_t>(i)] =
            filter[i].target - (filter[i].now == filter[i].below ? filter[i].above : filter[i].below);
        EXPECT_GE(form(h, e), after * (1 - 1e-6));
      }
      EXPECT_EQ(results[l].changed, changed);
      EXPECT_GE(after, least * (1 - 1e-6));
      ++all;
      optimal += after < least * (1 + 1e-6);
    }
  }
  EXPECT_GT(optimal, all / 2);
}

TEST(RoundingSearch, KeepsWeightsWithoutAChoiceAndOnesThatAreBetterElsewhere) {
  const Values v = values(5, 60, 1);
  const RoundingSearch search(gram(v.rows, 60, true, 1), 1);
  std::vector<WeightChoice> choices = weights(5, 2);
  for (WeightChoice& c : choices) c.above = c.below = c.now = 1;
  EXPECT_EQ(search.run(choices)[0].changed, 0);
  // As it is, the filter is exact, although no weight is one of its two values: nothing may change.
  for (WeightChoice& c : choices) {
    c.target = c.now = 1;
    c.below = -1;
    c.above = 3;
  }
  const FilterResult result = search.run(choices)[0];
  EXPECT_EQ(result.changed, 0);
  EXPECT_EQ(result.after, 0);
}

TEST(RoundingSearch, SolvesWithItsMatrix) {
  for (const std::int64_t k : {1, 9, 70}) {
    const Values v = values(k, 500, 6);
    const Matrix h = gram(v.rows, 500, false, 1);
    std::mt19937 random(7);
    constexpr std::int64_t lanes = RoundingSearch::lanes;
    std::vector<double> x(static_cast<std::size_t>(k * lanes)), product(x.size(), 0.0);
    for (double& value : x) value = static_cast<double>(random() % 2001) / 1000 - 1;
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < k; ++j) {
        for (std::int64_t l = 0; l < lanes; ++l) {
          product[static_cast<std::size_t>(i * lanes + l)] += h.row(i)[j] * x[static_cast<std::size_t>(j * lanes + l)];
        }
      }
    }
    RoundingSearch(h, 1).solve(product);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(product[i], x[i], 1e-9);
  }
}

}  // namespace
}  // namespace bitsieve
