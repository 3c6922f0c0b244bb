#include "eval/window_effect.h"

#include <gtest/gtest.h>

#include <random>

#include "eval/test_network.h"
#include "methods/sparq/sparq.h"

namespace bitsieve {
namespace {

// What the specification's pair rule (A.3) does to a column in K order, value by value.
WindowEffect by_rule(const std::vector<int>& column, const sparq::Config& config, int end) {
  WindowEffect total;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const int x = std::abs(column[i]);
    const std::size_t partner = i ^ 1;
    const bool alone = config.value_sparsity && (partner >= column.size() || column[partner] == 0);
    if (x == 0) continue;
    const int e = alone ? sparq::lone_value(x, config) : sparq::bsparq(x, config);
    const double squared = (x - e) * (x - e);
    total.add({1, x != e, static_cast<double>(x - e) / x, squared, x == end ? squared : 0});
  }
  return total;
}

void expect_equal(const WindowEffect& a, const WindowEffect& b) {
  EXPECT_EQ(a.nonzero, b.nonzero);
  EXPECT_EQ(a.changed, b.changed);
  EXPECT_NEAR(a.relative_loss, b.relative_loss, 1e-9);
  EXPECT_NEAR(a.error, b.error, 1e-6);
  EXPECT_NEAR(a.end_error, b.end_error, 1e-6);
  EXPECT_GT(a.changed, 0);
  EXPECT_GT(a.end_error, 0);
}

struct Case {
  std::int64_t depth, kernel, groups;
  const char* code;
  bool signed_values;
};

class Effect : public testing::TestWithParam<Case> {
 protected:
  // Half zeros, a tenth at the end of the range; storage layout (H, W, C) of 6 x 5 pixels.
  void SetUp() override {
    std::mt19937 random(5);
    const int end = GetParam().signed_values ? 127 : 255;
    for (std::int64_t i = 0; i < 6 * 5 * GetParam().depth; ++i) {
      const int kind = static_cast<int>(random() % 10);
      int x = kind < 5 ? 0 : kind == 5 ? end : static_cast<int>(random() % static_cast<unsigned>(end + 1));
      if (GetParam().signed_values && random() % 2) x = -x;
      values.push_back(x);
      patterns.push_back(static_cast<std::uint8_t>(x));
    }
  }
  std::vector<int> values;
  std::vector<std::uint8_t> patterns;
};

TEST_P(Effect, EqualsTheRule) {
  const Case& c = GetParam();
  test::TinyNetwork network({c.depth, 6, 5});
  network.conv("layer", Tensor({c.depth, c.depth / c.groups, c.kernel, c.kernel}, 1.0f), c.groups);
  const QuantizedModel model = network.quantized({c.signed_values ? -1.0f : 1.0f, 0}, {c.code});
  const std::string name = c.code;
  const sparq::Config config{&sparq::window_options()[name.find("5opt") != std::string::npos ? 0 : 4],
                             name.find("round") != std::string::npos, name.find("novs") == std::string::npos, false};
  const std::int64_t per_group = c.depth / c.groups;
  WindowEffect expected;
  const bool neighbours = per_group % 2 == 0 || c.kernel == 1 || !config.value_sparsity;
  for (std::int64_t y = 0; y < 6; ++y) {
    for (std::int64_t x = 0; x < 5; ++x) {
      for (std::int64_t g = 0; g < c.groups; ++g) {
        std::vector<int> column;
        const std::int64_t reach = neighbours ? 0 : c.kernel / 2;  // neighbours: each value once
        for (std::int64_t dy = -reach; dy <= reach; ++dy) {
          for (std::int64_t dx = -reach; dx <= reach; ++dx) {
            const bool inside = y + dy >= 0 && y + dy < 6 && x + dx >= 0 && x + dx < 5;
            for (std::int64_t k = 0; k < per_group; ++k) {
              const std::int64_t at = ((y + dy) * 5 + x + dx) * c.depth + g * per_group + k;
              column.push_back(inside ? values[static_cast<std::size_t>(at)] : 0);
            }
          }
        }
        expected.add(by_rule(column, config, c.signed_values ? 127 : 255));
      }
    }
  }
  expect_equal(window_effect(model, 0, patterns.data()), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Layers, Effect,
    testing::Values(Case{4, 3, 1, "sparq-5opt-round", false}, Case{4, 1, 1, "sparq-7opt-trim", false},
                    Case{3, 1, 1, "sparq-7opt-round", false}, Case{3, 3, 1, "sparq-5opt-trim", false},
                    Case{4, 3, 4, "sparq-5opt-round", false}, Case{4, 3, 4, "sparq-7opt-trim", true},
                    Case{6, 3, 2, "sparq-7opt-trim", false}, Case{5, 3, 1, "sparq-5opt-round-novs", true}));

TEST(WindowEffect, NothingWithoutATransform) {
  test::TinyNetwork network({2, 1, 1});
  network.conv("layer", Tensor({2, 2, 1, 1}, 1.0f));
  const std::uint8_t patterns[] = {255, 255};
  EXPECT_EQ(window_effect(network.quantized({1, 0}, {"int8"}), 0, patterns).nonzero, 0);
  EXPECT_EQ(window_effect(network.quantized({0, 0}, {"float"}), 0, patterns).nonzero, 0);
}

TEST(WindowEffect, SharesAreOfWhatWasMet) {
  const WindowEffect e{8, 2, 0.5, 10, 4};
  EXPECT_EQ(e.changed_share(), 0.25);
  EXPECT_EQ(e.mean_loss(), 0.0625);
  EXPECT_EQ(e.end_share(), 0.4);
  EXPECT_EQ(WindowEffect{}.changed_share() + WindowEffect{}.mean_loss() + WindowEffect{}.end_share(), 0);
}

}  // namespace
}  // namespace bitsieve
