// Elements against what the specifications define, number by number. Their gates are compared in rtl_link.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "accel/elements/dot_product_element.h"
#include "accel/elements/horner_element.h"
#include "accel/elements/sparse_dot_product_element.h"
#include "accel/elements/swis_element.h"
#include "accel/elements/systolic_element.h"
#include "accel/elements/trim_round.h"
#include "accel/elements/two_by_four_element.h"
#include "base/error.h"
#include "base/random.h"

namespace bitsieve::accel {
namespace {

// Specification of SPARQ, A.2, in its words: the smallest shift of S whose window holds the leading one.
int windowed(int x, int bits, int step, bool round) {
  int s = 0;
  while (x >= 1 << (bits + s)) s += step;
  int q = x >> s;
  if (!round || s == 0) return q << s;
  const int rest = x - (q << s), half = 1 << (s - 1);
  const bool up = rest > half || (rest == half && q % 2 == 1);
  return std::min(q + (up ? 1 : 0), (1 << bits) - 1) << s;
}

int lone(int x, const TrimRound& unit) { return windowed(x, 2 * unit.bits, 1, unit.round); }
int both(int x, const TrimRound& unit) { return windowed(x, unit.bits, unit.step, unit.round); }

std::vector<TrimRound> units() {
  std::vector<TrimRound> all;
  for (const TrimRoundOption& option : trim_round_options()) {
    for (const bool round : {false, true}) {
      for (const bool pairs : {false, true}) all.push_back({option.unit.bits, option.unit.step, round, pairs});
    }
  }
  return all;
}

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = ~0u;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
  }
  return ~crc;
}

// The sums of table A.6, from the authors' own functions.
TEST(TrimRound, TablesHaveTheChecksumsOfTheSpecification) {
  struct Row {
    const char* name;
    std::uint32_t trim, round;
  };
  const Row rows[] = {{"5opt", 0xfda3a773, 0x92cdaf58},
                      {"3opt", 0x103caa83, 0xa863374a},
                      {"2opt", 0xff1e320e, 0x66b5493a},
                      {"6opt", 0x8afb20fe, 0x06f38652},
                      {"7opt", 0x15b239a8, 0xbe53215c}};
  ASSERT_EQ(trim_round_options().size(), std::size(rows));
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_EQ(trim_round_options()[i].name, rows[i].name);
    for (const bool round : {false, true}) {
      TrimRound unit = trim_round_options()[i].unit;
      unit.round = round;
      unit.pairs = false;
      std::array<std::uint8_t, 256> table{};
      for (int x = 0; x < 256; ++x)
        table[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(product(trim_round(x, 0, unit), 1, 0));
      EXPECT_EQ(crc32(table), round ? rows[i].round : rows[i].trim) << rows[i].name;
    }
  }
  // Lone values of 6opt have six bits.
  const std::uint32_t lone6[] = {0x1e4b27b7, 0xa2948031};
  for (const bool round : {false, true}) {
    std::array<std::uint8_t, 256> table{};
    for (int x = 0; x < 256; ++x)
      table[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(product(trim_round(0, x, {3, 1, round}), 0, 1));
    EXPECT_EQ(crc32(table), lone6[round ? 1 : 0]);
  }
}

// All pairs of activations and all units: lanes fit their wires, and products are A.3's.
TEST(TrimRound, LanesOfAllPairsMakeTheProductOfTheDefinition) {
  Random random(1);
  for (const TrimRound& unit : units()) {
    for (int x1 = 0; x1 < 256; ++x1) {
      for (int x2 = 0; x2 < 256; ++x2) {
        const WindowPair lanes = trim_round(x1, x2, unit);
        for (const WindowLane& lane : lanes) {
          ASSERT_GE(lane.data, 0);
          ASSERT_LT(lane.data, 1 << unit.bits);
          ASSERT_LE(lane.shift, 8 - unit.bits);
          ASSERT_EQ(lane.shift % unit.step, 0);
        }
        const int w1 = static_cast<int>(random.below(256)) - 128, w2 = static_cast<int>(random.below(256)) - 128;
        int expected = both(x1, unit) * w1 + both(x2, unit) * w2;
        if (unit.pairs && x1 == 0) expected = lone(x2, unit) * w2;
        if (unit.pairs && x1 != 0 && x2 == 0) expected = lone(x1, unit) * w1;
        ASSERT_EQ(product(lanes, w1, w2), expected) << x1 << " " << x2;
      }
    }
  }
}

TEST(TrimRound, IsFoundByTheTablesOfACode) {
  for (const TrimRound& unit : units()) {
    for (const bool signed_values : {false, true}) {
      ActivationTransform transform;
      transform.active = true;
      transform.paired = unit.pairs;
      for (int x = 0; x < 256; ++x) {
        const int magnitude = !signed_values || x < 128 ? x : std::min(256 - x, 127);
        const int sign = signed_values && x > 127 ? -1 : 1;
        // What rounds to 128 is trimmed (methods/sparq/sparq.h).
        const auto fitting = [&](int rounded, int trimmed) {
          return signed_values && rounded > 127 ? trimmed : rounded;
        };
        TrimRound trim = unit;
        trim.round = false;
        transform.pair[static_cast<std::size_t>(x)] =
            static_cast<std::uint8_t>(sign * fitting(both(magnitude, unit), both(magnitude, trim)));
        transform.lone[static_cast<std::size_t>(x)] =
            static_cast<std::uint8_t>(sign * fitting(lone(magnitude, unit), lone(magnitude, trim)));
      }
      const std::optional<TrimRound> found = find_trim_round(transform, signed_values);
      ASSERT_TRUE(found.has_value());
      EXPECT_EQ(found->bits, unit.bits);
      EXPECT_EQ(found->step, unit.step);
      EXPECT_EQ(found->round, unit.round);
      EXPECT_EQ(found->pairs, unit.pairs);
      EXPECT_EQ(found->magnitudes, signed_values);

      // And makes what they hold.
      for (int x = 0; x < (signed_values ? 128 : 256); ++x) {
        const WindowPair lanes = trim_round(x, 9, *found);
        ASSERT_EQ(product(lanes, 1, 0), x == 0 && unit.pairs ? 0 : transform.pair[static_cast<std::size_t>(x)]) << x;
        if (!unit.pairs) continue;
        ASSERT_EQ(product(trim_round(x, 0, *found), 1, 0), transform.lone[static_cast<std::size_t>(x)]) << x;
      }
      transform.pair[77] = 255;
      EXPECT_FALSE(find_trim_round(transform, signed_values).has_value());
      transform.active = false;
      EXPECT_FALSE(find_trim_round(transform, signed_values).has_value());
    }
  }
}

// What one option cuts, another one's lanes hold at a position of their own, or not: all windows of all options tried.
TEST(TrimRound, ElementsHaveTheWindowsThatFitTheirs) {
  int compared = 0, fitting = 0;
  for (const TrimRoundOption& element : trim_round_options()) {
    for (const TrimRoundOption& option : trim_round_options()) {
      bool all = option.unit.bits <= element.unit.bits;
      for (int shift = 0; shift <= 8 - option.unit.bits; shift += option.unit.step) {
        for (int data = 0; data < 1 << option.unit.bits; ++data) {
          bool one = false;
          for (int at = 0; at <= 8 - element.unit.bits; at += element.unit.step)
            one |= (data << shift) % (1 << at) == 0 && (data << shift) >> at < 1 << element.unit.bits;
          all &= one;
        }
      }
      EXPECT_EQ(has_windows_of(element.unit, option.unit), all) << element.name << " " << option.name;
      ++compared;
      fitting += all ? 1 : 0;
    }
  }
  EXPECT_EQ(compared, 25);
  EXPECT_EQ(fitting, 5 + 4 + 1 + 2 + 1);  // 5opt all, 3opt all but 5opt, 6opt itself and 7opt
  TrimRound alone;
  alone.pairs = false;
  EXPECT_FALSE(has_windows_of(alone, TrimRound{}));
  EXPECT_TRUE(has_windows_of(TrimRound{}, alone));
}

// Vectors V1 and V3 of the specification of SPARQ, A.6, through the elements.
TEST(SparqElement, SumsTheVectorOfTheSpecification) {
  const int x[] = {27, 100, 0, 63, 137, 0, 0, 0, 255, 0}, w[] = {3, -5, 7, -128, 127, 9, -2, 11, -4, 0};
  const std::array<std::array<int, 4>, 5> expected = {{{7913, 7919, 7214, 9252},
                                                       {7907, 7919, 7208, 9252},
                                                       {7883, 7931, 8720, 8752},
                                                       {7792, 7804, 7784, 7796},
                                                       {7208, 9240, 8936, 8936}}};
  for (std::size_t option = 0; option < expected.size(); ++option) {
    for (std::size_t mode = 0; mode < 4; ++mode) {
      TrimRound unit = trim_round_options()[option].unit;
      unit.round = mode % 2 == 1;
      unit.pairs = mode < 2;
      SparqElement element;
      for (std::size_t k = 0; k < 10; k += 2) element.cycle(trim_round(x[k], x[k + 1], unit), w[k], w[k + 1], k == 0);
      EXPECT_EQ(element.sum, expected[option][mode]) << trim_round_options()[option].name << " " << mode;
    }
  }
}

TEST(SparqSparseDotProductElement, SumsTheVectorOfTheSpecification) {
  const std::array<std::array<int, 4>, 4> x = {
      {{37, 128, 219, 54}, {145, 0, 71, 162}, {253, 88, 179, 14}, {0, 0, 31, 122}}};
  const std::array<std::array<int, 4>, 4> w = {{{0, -51, 0, 67}, {126, 0, -11, 0}, {0, 0, 0, 29}, {88, 0, -49, 0}}};
  const int expected[][2] = {{13283, 13463}, {13283, 13551}, {13015, 13015}, {10999, 15567}, {11048, 11048}};
  std::array<KeptWeights, 4> kept;
  for (std::size_t g = 0; g < 4; ++g) kept[g] = keep_two(w[g]);
  for (std::size_t option = 0; option < std::size(expected); ++option) {
    for (const bool round : {false, true}) {
      SparqSparseDotProductElement element{trim_round_options()[option].unit, 0};
      element.unit.round = round;
      element.cycle(x, kept, true);
      EXPECT_EQ(element.sum, expected[option][round ? 1 : 0]) << trim_round_options()[option].name;
    }
  }
  SparseDotProductElement exact;
  exact.cycle({x[0], x[1]}, {kept[0], kept[1]}, true);
  exact.cycle({x[2], x[3]}, {kept[2], kept[3]}, false);
  EXPECT_EQ(exact.sum, 13466);
}

TEST(DotProductElements, SumProducts) {
  Random random(2);
  const TrimRound unit{4, 2, true, true};
  DotProductElement plain;
  SparqDotProductElement windows;
  SystolicElement systolic;
  TwoByFourElement bound;
  std::int64_t products = 0, codes = 0, fours = 0;
  for (int step = 0; step < 1000; ++step) {
    std::array<int, 8> x{}, w{};
    std::array<WindowPair, 4> lanes;
    for (std::size_t i = 0; i < 8; ++i) {
      x[i] = random.below(3) == 0 ? 0 : static_cast<int>(random.below(256));
      w[i] = static_cast<int>(random.below(256)) - 128;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      lanes[i] = trim_round(x[2 * i], x[2 * i + 1], unit);
      const bool one = x[2 * i] == 0 || x[2 * i + 1] == 0;
      for (std::size_t k = 2 * i; k < 2 * i + 2; ++k) codes += (one ? lone(x[k], unit) : both(x[k], unit)) * w[k];
      products += x[i] * w[i];
    }
    fours += (x[0] & 15) * w[0] + (x[1] & 15) * w[1];
    plain.cycle({x[0], x[1], x[2], x[3]}, {w[0], w[1], w[2], w[3]}, step == 0);
    for (std::size_t i = 0; i < 4; ++i) systolic.cycle(x[i], w[i], step == 0 && i == 0);
    windows.cycle(lanes, w, step == 0);
    bound.cycle(x[0] & 15, w[0], x[1] & 15, w[1], step == 0);
  }
  EXPECT_EQ(plain.sum, products);
  EXPECT_EQ(systolic.sum, products);
  EXPECT_EQ(windows.sum, codes);
  EXPECT_EQ(bound.sum, fours);
}

// Vector 1 of the specification of SWIS, A.10: planes 5 and 6, -5440.
TEST(ShiftElements, SumTheVectorOfTheSpecification) {
  const std::int8_t q[] = {96, -32, 0, 0};
  const int a[] = {10, 200, 3, 255};
  const ShiftPlanes group = shift_planes(q, 0x60);
  ASSERT_EQ(group.planes.size(), 2u);
  EXPECT_EQ(group.negative, 2u);
  EXPECT_EQ(group.planes[0].shift, 5);
  EXPECT_EQ(group.planes[0].mask, 3u);
  EXPECT_EQ(group.planes[1].mask, 1u);
  EXPECT_EQ(plane_sum(a, group.negative, group.planes[0].mask), -190);
  SwisSingleElement single;
  single.cycle(a, group.negative, group.planes[0], true);
  EXPECT_EQ(single.sum, -6080);
  single.cycle(a, group.negative, group.planes[1], false);
  EXPECT_EQ(single.sum, -5440);
  SwisDoubleElement twice;
  twice.cycle(a, group.negative, group.planes[0], group.planes[1], true);
  EXPECT_EQ(twice.sum, -5440);
  HornerElement horner;
  horner.cycle(a, group.negative, group.planes[1].mask, true, false, 5, true);
  horner.cycle(a, group.negative, group.planes[0].mask, false, true, 5, true);
  EXPECT_EQ(horner.sum, -5440);
}

// Groups of all sizes, signed and unsigned activations, weights down to -128.
TEST(ShiftElements, SumProducts) {
  Random random(3);
  for (int round = 0; round < 4000; ++round) {
    const std::size_t size = 1 + static_cast<std::size_t>(random.below(most_group));
    const bool signed_values = random.below(2) == 0;
    const int n = 1 + static_cast<int>(random.below(8)), offset = static_cast<int>(random.below(9 - n));
    const auto set = static_cast<std::uint8_t>(((1 << n) - 1) << offset);  // consecutive, so that all elements can
    std::vector<std::int8_t> w(size);
    std::vector<int> a(size);
    std::int32_t expected = 1000;
    for (std::size_t i = 0; i < size; ++i) {
      int magnitude = static_cast<int>(random.below(256)) & set;
      if (magnitude > 128) magnitude &= 127;
      w[i] = static_cast<std::int8_t>(magnitude == 128 || random.below(2) == 0 ? -magnitude : magnitude);
      a[i] = static_cast<int>(random.below(256)) - (signed_values ? 128 : 0);
      expected += a[i] * w[i];
    }
    const ShiftPlanes group = shift_planes(w, set);
    ASSERT_EQ(group.planes.size(), static_cast<std::size_t>(n));
    SwisSingleElement single{1000};
    SwisDoubleElement twice{1000};
    HornerElement horner{1000, 0};
    for (std::size_t j = 0; j < group.planes.size(); ++j) {
      single.cycle(a, group.negative, group.planes[j], false);
      if (j % 2 == 0)
        twice.cycle(a, group.negative, group.planes[j],
                    j + 1 < group.planes.size() ? group.planes[j + 1] : ShiftPlane{}, false);
      const std::size_t from_top = group.planes.size() - 1 - j;
      horner.cycle(a, group.negative, group.planes[from_top].mask, j == 0, from_top == 0, offset, false);
    }
    ASSERT_EQ(single.sum, expected);
    ASSERT_EQ(twice.sum, expected);
    ASSERT_EQ(horner.sum, expected);
  }
}

TEST(ShiftPlanes, RefuseWhatTheyCannotHold) {
  const std::int8_t weights[] = {8, -3};
  try {
    shift_planes(weights, 0x0a);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "weight -3 is no sum of the positions in the byte 0x0a");
  }
  const std::vector<std::int8_t> many(33, 0);
  EXPECT_THROW(shift_planes(many, 1), Error);
}

}  // namespace
}  // namespace bitsieve::accel
