#include "methods/swis/decompose.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <sstream>

#include "methods/swis/shift_sets.h"
#include "methods/swis/testdata/bulk.h"
#include "methods/swis/testdata/vectors.h"

namespace bitsieve::swis {
namespace {

using test::Mode;

Search search_of(int shifts, Mode mode) {
  Search s;
  s.shifts = shifts;
  s.consecutive = mode == Mode::swis_c;
  if (mode == Mode::swis_mse) s.alpha = {0, 1};
  s.joint = mode == Mode::joint;
  s.int8 = false;
  return s;
}

TEST(Swis, VectorsOfTheSpecification) {
  for (const test::Vector& v : test::vectors) {
    std::vector<std::int16_t> q(v.w.size());
    GroupResult result;
    if (v.mode == Mode::masked) {
      // The window of one bit with the least squared error of what is left after masking.
      std::int64_t least = INT64_MAX;
      for (const std::uint8_t set : sets_of(v.shifts, true)) {
        std::int64_t squares = 0;
        for (const int w : v.w) squares += (w - masked_weight(w, set)) * (w - masked_weight(w, set));
        if (squares < least) least = squares, result.set = set;
      }
      for (std::size_t i = 0; i < q.size(); ++i) {
        q[i] = static_cast<std::int16_t>(masked_weight(v.w[i], result.set));
        result.squares += (v.w[i] - q[i]) * (v.w[i] - q[i]);
        result.sum += v.w[i] - q[i];
      }
    } else {
      result = decompose_group(v.w, search_of(v.shifts, v.mode), q);
    }
    EXPECT_EQ(result.set, v.set) << v.name;
    EXPECT_EQ(std::vector<int>(q.begin(), q.end()), v.q) << v.name;
    EXPECT_EQ(result.squares, v.squares) << v.name;
    EXPECT_EQ(result.sum, v.sum) << v.name;
    if (v.mode == Mode::swis || v.mode == Mode::joint) {
      EXPECT_EQ(result.cost, v.squares + v.sum * v.sum) << v.name;
    }
  }
}

std::uint64_t fnv(std::uint64_t hash, unsigned byte) { return (hash ^ (byte & 0xff)) * 1099511628211u; }

TEST(Swis, BulkRowsOfTheSpecification) {
  std::uint32_t x = 1;
  std::vector<std::int8_t> weights(4096);
  for (std::int8_t& w : weights) {
    x = 1664525u * x + 1013904223u;
    w = static_cast<std::int8_t>(x >> 24);
    if (w == -128) w = -127;
  }
  int rows = 0;
  for (const test::Bulk& row : test::bulk) {
    Search search = search_of(row.shifts, row.consecutive ? Mode::swis_c : Mode::swis);
    search.alpha = {row.alpha, 1};
    std::int64_t squares = 0, sums = 0;
    std::uint64_t sets = 14695981039346656037u, integers = sets;
    std::vector<std::int16_t> q(static_cast<std::size_t>(row.group));
    for (std::size_t at = 0; at < weights.size(); at += q.size()) {
      const GroupResult r = decompose_group(std::span(weights).subspan(at, q.size()), search, q);
      squares += r.squares;
      sums += r.sum * r.sum;
      sets = fnv(sets, r.set);
      for (const std::int16_t value : q) {
        integers = fnv(fnv(integers, static_cast<unsigned>(value)), static_cast<unsigned>(value) >> 8);
      }
    }
    EXPECT_EQ(squares, row.squares) << rows;
    EXPECT_EQ(sums, row.sums) << rows;
    EXPECT_EQ(sets, row.sets) << rows;
    EXPECT_EQ(integers, row.integers) << rows;
    ++rows;
  }
  EXPECT_EQ(rows, 40);
}

TEST(Swis, NearestIsTheClosestSubmaskOfEverySet) {
  for (unsigned set = 1; set < 256; ++set) {
    for (int u = 0; u < 256; ++u) {
      int closest = 0;
      for (unsigned sub = 0; sub <= set; ++sub) {  // ascending: a tie stays with the smaller
        if ((sub & ~set) != 0) continue;
        if (std::abs(static_cast<int>(sub) - u) < std::abs(closest - u)) closest = static_cast<int>(sub);
      }
      ASSERT_EQ(nearest_magnitude(u, static_cast<std::uint8_t>(set)), closest) << set << ' ' << u;
      const int fl = floor_magnitude(u, static_cast<std::uint8_t>(set)),
                ce = ceiling_magnitude(u, static_cast<std::uint8_t>(set));
      EXPECT_EQ(fl & ~static_cast<int>(set), 0);
      EXPECT_EQ(ce & ~static_cast<int>(set), 0);
      EXPECT_LE(fl, u);
      EXPECT_TRUE(ce >= u || ce == static_cast<int>(set));
      EXPECT_TRUE(closest == fl || closest == ce);
    }
  }
}

TEST(Swis, WithoutPlus128EveryWeightIsTheNearestInt8) {
  for (unsigned set = 1; set < 256; ++set) {
    for (int w = -127; w <= 127; ++w) {
      const int q = nearest_weight(w, static_cast<std::uint8_t>(set));
      EXPECT_GE(q, -128);
      EXPECT_LE(q, 127);
      for (unsigned sub = 0; sub < 256; ++sub) {
        const int other = w < 0 ? -static_cast<int>(sub) : static_cast<int>(sub);
        if ((sub & ~set) != 0 || other > 127 || other < -128) continue;
        EXPECT_LE(std::abs(q - w), std::abs(other - w)) << set << ' ' << w << ' ' << other;
      }
    }
  }
}

TEST(Swis, NumbersOfSets) {
  const int all[] = {8, 28, 56, 70, 56, 28, 8, 1};
  for (int n = 1; n <= 8; ++n) {
    EXPECT_EQ(sets_of(n, false).size(), static_cast<std::size_t>(all[n - 1]));
    EXPECT_EQ(sets_of(n, true).size(), static_cast<std::size_t>(9 - n));
    for (const std::uint8_t set : sets_of(n, true)) EXPECT_EQ(std::popcount(set), n);
  }
}

// Synthetic weights: a bell curve, as those of networks.
std::vector<std::int8_t> bell(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, 40);
  std::vector<std::int8_t> w(count);
  for (std::int8_t& x : w) x = static_cast<std::int8_t>(std::clamp(std::nearbyint(normal(random)), -127.0, 127.0));
  return w;
}

std::int64_t squared_error(const std::vector<std::int8_t>& w, std::int64_t group, const Search& search) {
  const auto k = static_cast<std::int64_t>(w.size());
  const LayerResult r = decompose_layer(w.data(), {1, k, k, group}, search);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += (w[i] - r.q[i]) * (w[i] - r.q[i]);
  return sum;
}

// Error of one set for all of the weights.
std::int64_t layer_error(const std::vector<std::int8_t>& w, int shifts, bool consecutive, bool masked) {
  std::int64_t least = INT64_MAX;
  for (const std::uint8_t set : sets_of(shifts, consecutive)) {
    std::int64_t sum = 0;
    for (const int x : w) {
      const int e = x - (masked ? masked_weight(x, set) : nearest_weight(x, set));
      sum += e * e;
    }
    least = std::min(least, sum);
  }
  return least;
}

TEST(Swis, OrderingsThatMustHoldForSquaredErrors) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    const auto w = bell(4096, seed);
    for (const std::int64_t group : {1, 2, 4, 8, 16, 32}) {
      std::int64_t before = INT64_MAX, before_c = INT64_MAX, before_j = INT64_MAX;
      for (int n = 1; n <= 8; ++n) {
        Search search;
        search.shifts = n;
        search.alpha = {0, 1};
        const std::int64_t swis = squared_error(w, group, search);
        search.consecutive = true;
        const std::int64_t swis_c = squared_error(w, group, search);
        EXPECT_LE(swis, swis_c);
        EXPECT_LE(swis_c, layer_error(w, n, true, false));
        EXPECT_LE(layer_error(w, n, true, false), layer_error(w, n, true, true));
        EXPECT_LE(swis, layer_error(w, n, false, false));
        EXPECT_LE(swis, before) << "more shifts, more error: " << n;
        EXPECT_LE(swis_c, before_c);
        before = swis;
        before_c = swis_c;
        if (group > 1) {
          search.consecutive = false;
          EXPECT_LE(squared_error(w, group / 2, search), swis) << "smaller groups, more error";
        }
        if (n >= 7) {
          EXPECT_EQ(swis, 0);
        }
        // MSE++ ranks sets by J but rounds to nearest, so J of a single group can grow with N; over a layer it falls.
        search = {};
        search.shifts = n;
        const std::int64_t j = decompose_layer(w.data(), {1, 4096, 4096, group}, search).cost[0];
        EXPECT_LE(j, before_j) << "more shifts, more J: " << n;
        before_j = j;
      }
    }
  }
}

TEST(Swis, JointRoundingNeverCostsMoreAndSavesASixthAtAlphaOne) {
  std::mt19937 random(3);
  for (const int n : {1, 2, 3}) {
    double nearest = 0, joint = 0;
    for (int i = 0; i < 2000; ++i) {
      std::array<std::int8_t, 4> w{};
      for (std::int8_t& x : w) x = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
      std::array<std::int16_t, 4> q{};
      Search search;
      search.shifts = n;
      search.int8 = false;
      const std::int64_t without = decompose_group(w, search, q).cost;
      search.joint = true;
      const GroupResult with = decompose_group(w, search, q);
      EXPECT_LE(with.cost, without);
      EXPECT_EQ(with.cost, with.squares + with.sum * with.sum);
      nearest += static_cast<double>(without);
      joint += static_cast<double>(with.cost);
    }
    EXPECT_NEAR(joint / nearest, 0.83, 0.02) << n;  // specification, A.4
  }
}

TEST(Swis, JointRoundingTriesAllChoices) {
  std::mt19937 random(4);
  for (int trial = 0; trial < 200; ++trial) {
    std::array<std::int8_t, 4> w{};
    for (std::int8_t& x : w) x = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
    Search search;
    search.shifts = 1 + trial % 4;
    search.joint = true;
    std::int64_t least = INT64_MAX;
    for (const std::uint8_t set : sets_of(search.shifts, false)) {
      for (unsigned choice = 0; choice < 16; ++choice) {
        std::int64_t squares = 0, sum = 0;
        for (unsigned i = 0; i < 4; ++i) {
          const int u = std::abs(w[i]), up = ceiling_magnitude(u, set), fl = floor_magnitude(u, set);
          const int magnitude = (choice >> i & 1) != 0 && !(w[i] >= 0 && up > 127) ? up : fl;
          const int e = w[i] - (w[i] < 0 ? -magnitude : magnitude);
          squares += e * e;
          sum += e;
        }
        least = std::min(least, squares + sum * sum);
      }
    }
    std::array<std::int16_t, 4> q{};
    EXPECT_EQ(decompose_group(w, search, q).cost, least);
  }
}

// The fast search of a layer is the plain search of its groups.
TEST(Swis, LayersEqualTheirGroupsForAnyShapeAndNumberOfThreads) {
  struct Shape {
    std::int64_t outputs, k, run;
  };
  const auto weights = bell(200000, 9);
  std::mt19937 random(8);
  for (const Shape& shape : {Shape{3, 27, 3}, {5, 9, 9}, {40, 144, 16}, {2, 1000, 1000}, {1, 1, 1}, {64, 66, 33}}) {
    for (const std::int64_t group : {1, 2, 4, 8, 16, 32}) {
      for (const bool joint : {false, true}) {
        Search search;
        search.joint = joint;
        search.consecutive = random() % 2 == 0;
        search.alpha = alpha_of(static_cast<double>(random() % 30) / 8);
        std::vector<std::uint8_t> shifts(static_cast<std::size_t>(shape.outputs));
        for (std::uint8_t& n : shifts) n = static_cast<std::uint8_t>(1 + random() % (joint ? 3 : 8));
        const Groups groups{shape.outputs, shape.k, shape.run, group};
        const LayerResult got = decompose_layer(weights.data(), groups, search, shifts, 1);
        const LayerResult again = decompose_layer(weights.data(), groups, search, shifts, 3);
        EXPECT_EQ(got.q, again.q);
        EXPECT_EQ(got.set, again.set);
        EXPECT_EQ(got.cost, again.cost);
        std::size_t g = 0;
        for (std::int64_t o = 0; o < shape.outputs; ++o) {
          std::int64_t cost = 0;
          search.shifts = shifts[static_cast<std::size_t>(o)];
          for (std::int64_t run = 0; run < shape.k; run += shape.run) {
            for (std::int64_t at = 0; at < shape.run; at += group, ++g) {
              std::vector<std::int8_t> w(static_cast<std::size_t>(group), 0);
              const std::int64_t size = std::min(group, shape.run - at), from = o * shape.k + run + at;
              std::copy_n(weights.begin() + from, size, w.begin());
              std::vector<std::int16_t> q(w.size());
              const GroupResult want = decompose_group(w, search, q);
              ASSERT_EQ(got.set[g], want.set);
              for (std::int64_t i = 0; i < size; ++i) {
                ASSERT_EQ(got.q[static_cast<std::size_t>(from + i)], q[static_cast<std::size_t>(i)]);
              }
              cost += want.cost;
            }
          }
          ASSERT_EQ(got.cost[static_cast<std::size_t>(o)], cost);
        }
      }
    }
  }
}

TEST(Swis, AlphaIsAMultipleOfAnEighth) {
  EXPECT_EQ(alpha_of(0), (Alpha{0, 1}));
  EXPECT_EQ(alpha_of(1), (Alpha{1, 1}));
  EXPECT_EQ(alpha_of(0.467), (Alpha{1, 2}));
  EXPECT_EQ(alpha_of(1.3), (Alpha{5, 4}));
  EXPECT_EQ(alpha_of(2.9), (Alpha{23, 8}));
  EXPECT_EQ(alpha_of(1e9), (Alpha{8, 1}));
}

}  // namespace
}  // namespace bitsieve::swis
