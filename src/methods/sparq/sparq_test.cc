// The verified vectors of the specification (A.6), and all 65,536 pairs.
#include "methods/sparq/sparq.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace bitsieve::sparq {
namespace {

std::uint32_t crc32(const std::array<std::uint8_t, 256>& bytes) {
  std::uint32_t crc = ~0u;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

struct Table {
  int option;
  bool round;
  bool lone;
  std::uint32_t crc;
  int sum;
};
constexpr Table tables[] = {
    {0, false, false, 0xfda3a773, 31400}, {0, true, false, 0x92cdaf58, 32470},  {1, false, false, 0x103caa83, 31128},
    {1, true, false, 0xa863374a, 32504},  {2, false, false, 0xff1e320e, 30840}, {2, true, false, 0x66b5493a, 32520},
    {3, false, false, 0x8afb20fe, 30036}, {3, true, false, 0x06f38652, 31958},  {4, false, false, 0x15b239a8, 27306},
    {4, true, false, 0xbe53215c, 29910},  {3, false, true, 0x1e4b27b7, 32416},  {3, true, true, 0xa2948031, 32630},
};

Config config(int option, bool round, bool vs = true) {
  return {&window_options()[static_cast<std::size_t>(option)], round, vs, false};
}

TEST(Sparq, TablesMatchTheSpecification) {
  for (const Table& t : tables) {
    std::array<std::uint8_t, 256> table{};
    int sum = 0, last = 0;
    for (int x = 0; x < 256; ++x) {
      const int value = t.lone ? lone_value(x, config(t.option, t.round)) : bsparq(x, config(t.option, t.round));
      EXPECT_GE(value, last);
      last = value;
      sum += value;
      table[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(value);
    }
    EXPECT_EQ(crc32(table), t.crc) << window_options()[static_cast<std::size_t>(t.option)].name << t.round;
    EXPECT_EQ(sum, t.sum);
  }
}

struct Row {
  int trim, round, novs_trim, novs_round;
};

TEST(Sparq, DotProductV1) {
  const std::vector<std::uint8_t> x{27, 100, 0, 63, 137, 0, 0, 0, 255};
  const std::vector<std::int8_t> w{3, -5, 7, -128, 127, 9, -2, 11, -4};
  constexpr Row rows[] = {{7913, 7919, 7214, 9252},
                          {7907, 7919, 7208, 9252},
                          {7883, 7931, 8720, 8752},
                          {7792, 7804, 7784, 7796},
                          {7208, 9240, 8936, 8936}};
  for (int o = 0; o < 5; ++o) {
    EXPECT_EQ(dot(x, w, config(o, false)), rows[o].trim);
    EXPECT_EQ(dot(x, w, config(o, true)), rows[o].round);
    EXPECT_EQ(dot(x, w, config(o, false, false)), rows[o].novs_trim);
    EXPECT_EQ(dot(x, w, config(o, true, false)), rows[o].novs_round);
  }
}

const std::vector<std::uint8_t> x16{37, 128, 219, 54, 145, 0, 71, 162, 253, 88, 179, 14, 0, 0, 31, 122};

TEST(Sparq, DotProductV2) {
  const std::vector<std::int8_t> w{-110, -51, 8, 67, 126, -70, -11, 48, 107, -89, -30, 29, 88, -108, -49, 10};
  constexpr Row rows[] = {{32610, 32918, 32484, 32792},
                          {33340, 32276, 33214, 32150},
                          {34100, 32180, 33974, 32054},
                          {32026, 29554, 30010, 31570},
                          {29428, 27732, 27412, 25716}};
  for (int o = 0; o < 5; ++o) {
    EXPECT_EQ(dot(x16, w, config(o, false)), rows[o].trim);
    EXPECT_EQ(dot(x16, w, config(o, true)), rows[o].round);
    EXPECT_EQ(dot(x16, w, config(o, false, false)), rows[o].novs_trim);
    EXPECT_EQ(dot(x16, w, config(o, true, false)), rows[o].novs_round);
  }
}

TEST(Sparq, TwoOfFourV3) {
  const std::vector<std::int8_t> w{0, -51, 0, 67, 126, 0, -11, 0, 0, 0, 0, 29, 88, 0, -49, 0};
  constexpr int sparse[5][2] = {{13283, 13463}, {13283, 13551}, {13015, 13015}, {10999, 15567}, {11048, 11048}};
  constexpr int dense[5][2] = {{13458, 13638}, {13556, 13628}, {13876, 13092}, {13162, 13698}, {13300, 13300}};
  for (int o = 0; o < 5; ++o) {
    for (const bool round : {false, true}) {
      EXPECT_EQ(dot_two_of_four(x16, w, config(o, round)), sparse[o][round]);
      EXPECT_EQ(dot(x16, w, config(o, round)), dense[o][round]);
    }
  }
  EXPECT_THROW(dot_two_of_four(x16, std::vector<std::int8_t>(16, 1), config(0, true)), std::runtime_error);
}

TEST(Sparq, TablesAreThePairRuleForEveryPair) {
  for (int o = 0; o < 5; ++o) {
    for (const bool round : {false, true}) {
      for (const bool vs : {false, true}) {
        const Config c = config(o, round, vs);
        const ActivationTransform t = make_transform(c, false);
        std::int64_t wrong = 0;
        for (int a = 0; a < 256; ++a) {
          for (int b = 0; b < 256; ++b) {
            const auto ua = static_cast<std::size_t>(a), ub = static_cast<std::size_t>(b);
            const int ea = vs && b == 0 ? t.lone[ua] : t.pair[ua], eb = vs && a == 0 ? t.lone[ub] : t.pair[ub];
            wrong += ea * 127 - eb * 128 != pair_product(a, 127, b, -128, c);
          }
        }
        EXPECT_EQ(wrong, 0);
      }
    }
  }
}

TEST(Sparq, SignedExtensionIsOdd) {
  for (int o = 0; o < 5; ++o) {
    const ActivationTransform t = make_transform(config(o, true), true);
    for (std::size_t m = 1; m < 128; ++m) {
      EXPECT_EQ(static_cast<std::int8_t>(t.pair[256 - m]), -static_cast<std::int8_t>(t.pair[m]));
      EXPECT_EQ(static_cast<std::int8_t>(t.lone[256 - m]), -static_cast<std::int8_t>(t.lone[m]));
    }
    EXPECT_EQ(t.pair[128], t.pair[129]);
  }
}

}  // namespace
}  // namespace bitsieve::sparq
