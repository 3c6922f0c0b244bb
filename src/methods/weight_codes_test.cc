// What holds for every weight code, and the names and orderings of the families.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>

#include "base/error.h"
#include "methods/methods.h"
#include "methods/swis/swis.h"

namespace bitsieve {
namespace {

std::vector<float> bell(std::size_t count, std::size_t filters) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, 1);
  std::vector<float> w(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Filters of different deviations, as the specification's A.6 has them.
    const double deviation = 0.05 * (1 + static_cast<double>(i / (count / filters)) * 3 / static_cast<double>(filters));
    w[i] = static_cast<float>(normal(random) * deviation);
  }
  return w;
}

double noise(const std::vector<float>& w, const CodedWeights& coded) {
  double sum = 0;
  const std::size_t k = w.size() / coded.scale.size();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double e = w[i] - static_cast<double>(coded.q[i]) * coded.scale[i / k];
    sum += e * e;
  }
  return sum;
}

constexpr std::int64_t outputs = 40, depth = 12, taps = 9, k = depth * taps;

CodedWeights code(const std::string& name, const std::vector<float>& w, double alpha = NAN, int threads = 0) {
  return require_weight_code(name).quantize({w.data(), outputs, k, depth, alpha, threads});
}

double noise(const std::string& name) {
  static const std::vector<float> w = bell(static_cast<std::size_t>(outputs * k), outputs);
  return noise(w, code(name, w));
}

TEST(WeightCodes, AllGiveIntegersThatFitWhatTheySay) {
  const auto w = bell(static_cast<std::size_t>(outputs * k), outputs);
  for (const WeightCodeRow& row : weight_codes()) {
    ASSERT_FALSE(row.examples.empty()) << row.names;
    for (const std::string& name : row.examples) {
      const auto found = row.find(name);
      ASSERT_TRUE(found) << name;
      EXPECT_EQ(found->name, name);
      const CodedWeights coded = code(name, w);
      EXPECT_EQ(code(name, w, NAN, 1).q, coded.q) << name;
      ASSERT_EQ(coded.q.size(), w.size());
      ASSERT_EQ(coded.scale.size(), static_cast<std::size_t>(outputs));
      for (const float s : coded.scale) EXPECT_NE(s, 0);
      const int top = (1 << (coded.bits - 1)) - 1;
      for (const int q : coded.q) {
        EXPECT_GE(q, -top - 1) << name;
        EXPECT_LE(q, top) << name;
      }
      const SharedShifts& shifts = coded.shifts;
      if (!shifts.active()) continue;
      const std::vector<std::uint8_t> n = shifts_of_filters(shifts, outputs);
      ASSERT_EQ(static_cast<std::int64_t>(shifts.set.size()),
                shifts.one_group ? 1 : outputs * groups_of_filter(shifts, k))
          << name;
      for (std::int64_t o = 0; o < outputs; ++o) {
        for (std::int64_t i = 0; i < k; ++i) {
          const std::int64_t group = i / depth * ((depth + 3) / 4) + i % depth / 4;
          const std::uint8_t set =
              shifts.set[shifts.one_group ? 0 : static_cast<std::size_t>(o * groups_of_filter(shifts, k) + group)];
          EXPECT_EQ(std::popcount(set), n[static_cast<std::size_t>(o)]) << name;
          EXPECT_EQ(std::abs(int{coded.q[static_cast<std::size_t>(o * k + i)]}) & ~set, 0) << name;
        }
      }
    }
  }
}

TEST(WeightCodes, StrongerCodesErrLess) {
  for (const char* n : {"1", "2", "3", "4", "5"}) {
    const std::string shifts = std::string("n") + n;
    const double swis = noise("swis-" + shifts + "-m4-mse"), swis_c = noise("swisc-" + shifts + "-m4-mse"),
                 window = noise("trunc-" + shifts), masked = noise("trunc-" + shifts + "-floor"),
                 fixed = noise("static-" + shifts);
    EXPECT_LE(swis, swis_c) << n;
    EXPECT_LE(swis_c, window) << n;
    EXPECT_LE(window, masked) << n;
    EXPECT_LE(swis, fixed) << n;
    EXPECT_LE(fixed, window) << n;
    EXPECT_LE(swis, noise("swis-" + shifts + "-m8-mse")) << n;
    EXPECT_LE(noise("swis-" + shifts + "-m4-mse"), noise("swis-" + shifts + "-m4")) << n << ": MSE++ trades squares";
  }
  for (const char* bits : {"2", "3", "4", "5", "6", "7", "8"}) {
    EXPECT_LE(noise(std::string("int") + bits + "-mse"), noise(std::string("int") + bits)) << bits;
    EXPECT_LE(noise(std::string("int") + bits), noise(std::string("int") + bits + "-tensor")) << bits;
  }
}

// What training left on a grid comes out as it was, also after a norm was folded into it.
TEST(WeightCodes, ExactFindsTheGrid) {
  std::mt19937 random(9);
  for (const int bits : {2, 3, 5, 8}) {
    const int top = (1 << (bits - 1)) - 1;
    std::vector<float> w;
    std::vector<int> wanted;
    const float step = 0.0123f;
    for (std::int64_t o = 0; o < outputs; ++o) {
      const float folded = (o % 2 == 0 ? 1.0f : -1.0f) * (0.3f + 0.37f * static_cast<float>(o));
      for (std::int64_t i = 0; i < k; ++i) {
        const int q = i == 0 ? top : i == 1 ? 1 : static_cast<int>(random() % static_cast<unsigned>(2 * top + 1)) - top;
        wanted.push_back(folded < 0 ? -q : q);
        w.push_back(static_cast<float>(q) * step * folded);
      }
    }
    const CodedWeights coded = code("int8-exact", w);
    EXPECT_EQ(coded.bits, bits);
    EXPECT_EQ(std::vector<int>(coded.q.begin(), coded.q.end()), wanted);
    for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o)
      EXPECT_NEAR(coded.scale[o], step * (0.3 + 0.37 * static_cast<double>(o)), 1e-6 * coded.scale[o]);
  }
  const auto w = bell(static_cast<std::size_t>(outputs * k), outputs);
  EXPECT_EQ(code("int8-exact", w).q, code("int8", w).q);  // on no grid
  EXPECT_EQ(code("int8-exact", w).bits, 8);
  EXPECT_EQ(code("int8-exact", std::vector<float>(w.size(), 0.0f)).bits, 2);
}

// Weights that a SWIS code made come out as they are, whatever folded norms multiplied them with; others as without.
TEST(WeightCodes, ExactSwisFindsTheSharedPositions) {
  const auto w = bell(static_cast<std::size_t>(outputs * k), outputs);
  for (const std::string name : {"swis-n1-m4", "swis-n2-m4", "swis-n2.5-m4", "swisc-n3-m8", "swis-n8-m2"}) {
    const CodedWeights made = code(name, w);
    std::vector<float> folded(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      const std::size_t o = i / static_cast<std::size_t>(k);
      folded[i] = static_cast<float>(made.q[i]) * made.scale[o] * (o % 2 == 0 ? 0.37f : -2.3f);
    }
    const CodedWeights found = code(name + "-exact", folded);
    for (std::size_t i = 0; i < w.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(found.q[i]) * found.scale[i / static_cast<std::size_t>(k)], folded[i], 1e-5)
          << name << ' ' << i;
    }
    EXPECT_EQ(found.shifts.shifts, made.shifts.shifts) << name;
    EXPECT_EQ(code(name + "-exact", w).q, made.q) << name;
  }
}

TEST(WeightCodes, FractionsOfShiftsLieBetween) {
  const double two = noise("swis-n2-m4-mse"), half = noise("swis-n2.5-m4-mse"), three = noise("swis-n3-m4-mse");
  EXPECT_LT(half, two);
  EXPECT_LT(three, half);
  EXPECT_LT(half, (two + three) / 2) << "a schedule is better than half of each in the order of the file";
  EXPECT_LE(noise("swis-n2.5-m4-mse-any"), half * 1.0001);
  EXPECT_LT(noise("swis-n3-m4-mse-any"), three);
  const auto w = bell(static_cast<std::size_t>(outputs * k), outputs);
  EXPECT_DOUBLE_EQ(mean_shifts(code("swis-n2.4-m4", w).shifts), 2.4);  // two of five blocks
  EXPECT_DOUBLE_EQ(mean_shifts(code("swis-n2.5-m4", w).shifts), 2.4);  // never more than asked for
  EXPECT_LE(mean_shifts(code("swis-n2.5-m4-any", w).shifts), 2.5);
  const SharedShifts even = code("swis-n3-m4-even", w).shifts;
  for (const int n : even.shifts) EXPECT_EQ(n % 2, 0);
  EXPECT_EQ(even.columns, 8);
  EXPECT_EQ(code("swis-n2.5-m4-c20", w).shifts.shifts.size(), 2u);
}

TEST(WeightCodes, GroupsFollowTheChannelsOrTheWindow) {
  const auto w = bell(static_cast<std::size_t>(outputs * k), outputs);
  EXPECT_EQ(code("swis-n3-m8", w).shifts.run, depth);
  EXPECT_EQ(code("swis-n3-m8-flat", w).shifts.run, k);
  const auto depthwise = require_weight_code("swis-n3-m4").quantize({w.data(), outputs, 9, 1});
  EXPECT_EQ(depthwise.shifts.run, 9);
  EXPECT_EQ(groups_of_filter(depthwise.shifts, 9), 3);
}

TEST(WeightCodes, AMeasuredAlphaNeedsTheInput) {
  const auto w = bell(static_cast<std::size_t>(outputs * k), outputs);
  EXPECT_TRUE(require_weight_code("swis-n3-m4-measured").measures_alpha);
  EXPECT_THROW(code("swis-n3-m4-measured", w), Error);
  EXPECT_EQ(code("swis-n3-m4-measured", w, 0.51).q, code("swis-n3-m4-alpha0.5", w).q);
  EXPECT_EQ(code("swis-n3-m4-measured", w, 0).q, code("swis-n3-m4-mse", w).q);
  EXPECT_EQ(code("swis-n3-m4-alpha1", w).q, code("swis-n3-m4", w).q);
  EXPECT_NE(code("swis-n3-m4-joint", w).q, code("swis-n3-m4", w).q);
}

TEST(WeightCodes, ANameWithOtherShifts) {
  EXPECT_EQ(swis::with_shifts("swis-n3-m4-mse", 2.5), "swis-n2.5-m4-mse");
  EXPECT_EQ(swis::with_shifts("swisc-n2.25-m16", 4), "swisc-n4-m16");
}

TEST(WeightCodes, TheLargestWeightOfAFilterIsNegativeWhereShiftsAreShared) {
  // 127 and 30: with one sign 128 and 30 are 128 and 32 with two shifts, with the other 96 and 32.
  const float w[] = {127, 30, 0, 1, -127, -30, 0, -1};
  const CodedWeights coded = require_weight_code("swis-n2-m4-mse").quantize({w, 2, 4, 4});
  EXPECT_EQ(coded.q, (std::vector<std::int8_t>{-128, -32, 0, 0, -128, -32, 0, 0}));
  EXPECT_EQ(coded.scale, (std::vector<float>{-1, 1}));
}

TEST(WeightCodes, NamesThatAreNone) {
  for (const char* name : {"",
                           "int",
                           "int1",
                           "int9",
                           "int08",
                           "int4-",
                           "int4-mse-mse",
                           "int4-tensor-mse",
                           "int4.0",
                           "swis",
                           "swis-n3",
                           "swis-n3-m3",
                           "swis-n0-m4",
                           "swis-n9-m4",
                           "swis-n3-m64",
                           "swis-n3.0-m4",
                           "swis-n03-m4",
                           "swis-n.5-m4",
                           "swis-n3-m4-mse-alpha1",
                           "swis-n3-m4-alpha0.3",
                           "swis-n3-m4-alpha9",
                           "swis-n3-m4-joint-joint",
                           "swis-n3-m4-c0",
                           "swis-n1-m4-even",
                           "swis-n3-m4-x",
                           "swis-n3-m4-",
                           "trunc-n2.5",
                           "trunc-n4-m4",
                           "static-n4-floor",
                           "swis-n1e0-m4",
                           "swis-ninf-m4",
                           "trunc-n9",
                           "static",
                           "float"}) {
    EXPECT_FALSE(find_weight_code(name)) << name;
  }
  EXPECT_THROW(require_weight_code("int9"), Error);
}

TEST(WeightCodes, ZerosAndSingleWeights) {
  for (const WeightCodeRow& row : weight_codes()) {
    for (const std::string& name : row.examples) {
      const float zeros[6] = {};
      const auto none = require_weight_code(name).quantize({zeros, 2, 3, 3});
      EXPECT_EQ(none.q, std::vector<std::int8_t>(6, 0)) << name;
      EXPECT_EQ(none.scale, (std::vector<float>{1, 1})) << name;
      const float one[1] = {-0.5f};
      EXPECT_EQ(require_weight_code(name).quantize({one, 1, 1, 1}).q.size(), 1u) << name;
    }
  }
}

}  // namespace
}  // namespace bitsieve
