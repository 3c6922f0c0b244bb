#include "methods/swis/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"

namespace bitsieve::swis {
namespace {

constexpr int all[] = {1, 2, 3, 4, 5, 6, 7, 8};

// Errors that fall with the number of shifts by about 7 dB each, as those of SWIS.
FilterErrors random_errors(std::size_t filters, unsigned seed) {
  std::mt19937 random(seed);
  FilterErrors errors(filters, std::vector<double>(9, 0));
  for (auto& filter : errors) {
    double e = std::exp(static_cast<double>(random() % 1000) / 200);
    for (std::size_t n = 1; n <= 8; ++n) {
      filter[n] = e;
      e *= 0.1 + static_cast<double>(random() % 1000) / 4000;
    }
  }
  return errors;
}

double error_of(const FilterErrors& errors, const Schedule& schedule, std::int64_t columns) {
  double sum = 0;
  for (std::size_t i = 0; i < schedule.filter.size(); ++i) {
    sum += errors[schedule.filter[i]][schedule.shifts[i / static_cast<std::size_t>(columns)]];
  }
  return sum;
}

TEST(SwisSchedule, TwoLevelsAreOptimal) {
  const int levels[] = {2, 3};
  for (unsigned seed = 0; seed < 50; ++seed) {
    const FilterErrors errors = random_errors(8, seed);
    const Schedule schedule = two_levels(errors, levels, 2.5, 2);
    EXPECT_EQ(std::count(schedule.shifts.begin(), schedule.shifts.end(), 3), 2);
    EXPECT_DOUBLE_EQ(schedule.mean(), 2.5);
    EXPECT_DOUBLE_EQ(schedule.error, error_of(errors, schedule, 2));
    // Every choice of four filters of eight.
    double least = INFINITY;
    for (unsigned high = 0; high < 256; ++high) {
      if (__builtin_popcount(high) != 4) continue;
      double sum = 0;
      for (unsigned f = 0; f < 8; ++f) sum += errors[f][(high >> f & 1) != 0 ? 3 : 2];
      least = std::min(least, sum);
    }
    EXPECT_NEAR(schedule.error, least, 1e-9 * least);
  }
}

TEST(SwisSchedule, AnyLevelIsOptimalForItsOrderAndNoWorseThanTwo) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    const FilterErrors errors = random_errors(7, seed);  // the last block is not full
    const std::int64_t columns = 2;
    for (const double target : {1.0, 2.0, 2.25, 2.5, 3.0, 4.75}) {
      const Schedule schedule = any_levels(errors, all, target, columns);
      ASSERT_EQ(schedule.shifts.size(), 4u);
      EXPECT_LE(schedule.mean(), target + 1e-9);
      EXPECT_NEAR(schedule.error, error_of(errors, schedule, columns), 1e-9);
      double least = INFINITY;
      for (int code = 0; code < 8 * 8 * 8 * 8; ++code) {
        Schedule trial = schedule;
        int sum = 0;
        for (std::size_t b = 0; b < 4; ++b) {
          trial.shifts[b] = static_cast<std::uint8_t>(1 + (code >> (3 * b) & 7));
          sum += trial.shifts[b];
        }
        if (sum <= target * 4 + 1e-9) least = std::min(least, error_of(errors, trial, columns));
      }
      EXPECT_NEAR(schedule.error, least, 1e-9 * least);
    }
  }
}

TEST(SwisSchedule, EvenLevelsOnly) {
  const int even[] = {2, 4, 6, 8};
  const FilterErrors errors = random_errors(32, 1);
  for (const Schedule& schedule : {two_levels(errors, even, 3, 8), any_levels(errors, even, 3, 8)}) {
    EXPECT_DOUBLE_EQ(schedule.mean(), 3);
    for (const int n : schedule.shifts) EXPECT_EQ(n % 2, 0);
    std::vector<std::uint32_t> sorted = schedule.filter;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t f = 0; f < 32; ++f) EXPECT_EQ(sorted[f], f);
  }
}

TEST(SwisSchedule, WhatCannotBeIsRefused) {
  const int levels[] = {2, 3};
  const FilterErrors errors = random_errors(4, 1);
  EXPECT_THROW(two_levels(errors, levels, 3.5, 2), Error);
  EXPECT_THROW(any_levels(errors, levels, 1, 2), Error);
  EXPECT_THROW(two_levels({}, levels, 2.5, 2), Error);
  EXPECT_THROW(two_levels(errors, levels, 2.5, 0), Error);
}

}  // namespace
}  // namespace bitsieve::swis
