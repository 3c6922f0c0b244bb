// The search alone: drops are made up, so that the best answer is known.
#include "search/mixed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>

#include "base/error.h"
#include "search/ladder.h"

namespace bitsieve {
namespace {

// Layers "layer0", "layer1", ... with the given noises; MACs count down from 100.
std::vector<LayerSensitivity> layers(const std::vector<double>& noise, const LayerRecipe& code) {
  std::vector<LayerSensitivity> result;
  for (std::size_t i = 0; i < noise.size(); ++i) {
    LayerSensitivity layer;
    layer.node = static_cast<int>(i);
    layer.name = "layer" + std::to_string(i);
    layer.code = code;
    layer.macs = 100 - static_cast<std::int64_t>(i);
    layer.noise = noise[i];
    result.push_back(layer);
  }
  return result;
}

LayerRecipe code_of(const Recipe& recipe, const std::string& name) {
  LayerRecipe code = recipe.layers;
  for (const LayerRule& rule : recipe.rules) {
    if (!std::regex_search(name, std::regex(rule.pattern))) continue;
    if (!rule.weight_code.empty()) code.weight_code = rule.weight_code;
    if (!rule.act_code.empty()) code.act_code = rule.act_code;
  }
  return code;
}

Recipe narrow_recipe(const std::string& act) {
  Recipe recipe;
  recipe.name = recipe.layers.act_code = act;
  return recipe;
}

// Every layer that is not at int8 costs its own drop; on a ladder each rung halves it.
MeasureDrop additive(const std::vector<double>& costs, const LayerRecipe& start,
                     std::set<std::string>* asked = nullptr) {
  return [=](const Recipe& recipe) {
    const std::vector<LayerRecipe> rungs = ladder(start);
    double drop = 0;
    std::string key;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      const auto at =
          std::find(rungs.begin(), rungs.end(), code_of(recipe, "layer" + std::to_string(i))) - rungs.begin();
      if (at + 1 < static_cast<std::ptrdiff_t>(rungs.size())) drop += costs[i] / static_cast<double>(1 << at);
      key += std::to_string(at);
    }
    if (asked && !asked->insert(key).second) ADD_FAILURE() << "asked twice for " << key;
    return drop;
  };
}

std::vector<std::string> act_codes(const MixedResult& r) {
  std::vector<std::string> codes;
  for (const MixedLayer& layer : r.layers) codes.push_back(layer.chosen.act_code);
  return codes;
}

const std::string five = "sparq-5opt-round";

TEST(Mixed, NothingToDoKeepsTheRecipe) {
  const Recipe recipe = narrow_recipe(five);
  const MixedResult r =
      search_mixed(recipe, layers({1, 2}, recipe.layers), additive({0.4, 0.6}, recipe.layers), {.max_drop = 1});
  EXPECT_TRUE(r.reached);
  EXPECT_EQ(r.recipe, recipe);
  EXPECT_EQ(r.evaluations, 1);
  EXPECT_EQ(r.narrow_drop, 1);
  EXPECT_EQ(act_codes(r), (std::vector<std::string>{five, five}));
}

TEST(Mixed, RestoresTheMostSensitiveLayers) {
  const Recipe recipe = narrow_recipe(five);
  std::set<std::string> asked;
  const std::vector<double> costs{0.2, 5, 0.1, 3, 0.3};
  const MixedResult r =
      search_mixed(recipe, layers(costs, recipe.layers), additive(costs, recipe.layers, &asked), {.max_drop = 1});
  EXPECT_EQ(act_codes(r), (std::vector<std::string>{five, "int8", five, "int8", five}));
  EXPECT_NEAR(r.drop, 0.6, 1e-12);
  EXPECT_NEAR(r.narrow_drop, 8.6, 1e-12);
  EXPECT_EQ(r.recipe.name, "sparq-5opt-round-mixed");
  EXPECT_EQ(r.recipe.rules.size(), 2u);
  EXPECT_EQ(r.recipe.rules[0], (LayerRule{"^layer1$", "", "int8"}));
  EXPECT_FALSE(r.layers[1].narrow());
  EXPECT_TRUE(r.layers[0].narrow());
  EXPECT_EQ(r.evaluations, static_cast<int>(asked.size()));
}

// Sensitivity misleads: layer 0 looks worst and costs nothing. The last pass finds it.
TEST(Mixed, GivesBackWhatDidNotNeedIt) {
  const Recipe recipe = narrow_recipe(five);
  const MixedResult r =
      search_mixed(recipe, layers({9, 5, 1}, recipe.layers), additive({0, 5, 0.5}, recipe.layers), {.max_drop = 1});
  EXPECT_EQ(act_codes(r), (std::vector<std::string>{five, "int8", five}));
}

// Without calls left for the second pass the order of sensitivity alone decides.
TEST(Mixed, SensitivityOrdersTheBisection) {
  const Recipe recipe = narrow_recipe(five);
  const std::vector<double> costs{0.2, 5, 0.1, 3, 0.3};
  const MixedResult r = search_mixed(recipe, layers(costs, recipe.layers), additive(costs, recipe.layers),
                                     {.max_drop = 1, .max_evaluations = 5});
  EXPECT_EQ(act_codes(r), (std::vector<std::string>{five, "int8", five, "int8", five}));
}

// Sensitivity sees nothing in layer 2, which decides everything. Of the two others one may be narrow: the one with more
// work.
TEST(Mixed, MostWorkStaysNarrow) {
  const Recipe recipe = narrow_recipe(five);
  for (const std::size_t large : {0u, 1u}) {
    std::vector<LayerSensitivity> l = layers({9, 8, 1}, recipe.layers);
    l[large].macs = 1000;
    const MixedResult r = search_mixed(recipe, l, additive({0.6, 0.6, 5}, recipe.layers), {.max_drop = 1});
    EXPECT_EQ(r.layers[large].chosen.act_code, five);
    EXPECT_EQ(r.layers[1 - large].chosen.act_code, "int8");
    EXPECT_EQ(r.layers[2].chosen.act_code, "int8");
  }
}

TEST(Mixed, StopsAtTheLowestRungThatFits) {
  const Recipe recipe = narrow_recipe("sparq-2opt-trim");
  // Rungs cost 4, 2, 1, 0: the second one up fits beside the other layer's 0.5.
  const MixedResult r =
      search_mixed(recipe, layers({9, 1}, recipe.layers), additive({4, 0.5}, recipe.layers), {.max_drop = 1.5});
  EXPECT_EQ(act_codes(r), (std::vector<std::string>{"sparq-5opt-trim", "sparq-2opt-trim"}));
  EXPECT_NEAR(r.drop, 1.5, 1e-12);
}

TEST(Mixed, WeightsComeBackToo) {
  Recipe recipe = narrow_recipe(five);
  recipe.layers.weight_code = "int4";
  // Rungs: int4 and 5opt, int5 and int8, int6 and int8, int8 and int8, costing 8, 4, 2, 0.
  const MixedResult r = search_mixed(recipe, layers({1}, recipe.layers), additive({8}, recipe.layers), {.max_drop = 2});
  ASSERT_EQ(r.recipe.rules.size(), 1u);
  EXPECT_EQ(r.recipe.rules[0], (LayerRule{"^layer0$", "int6", "int8"}));
}

TEST(Mixed, OwnRulesAreKeptAndOverruledByLaterOnes) {
  Recipe recipe = narrow_recipe(five);
  recipe.rules = {{"layer", "", "sparq-3opt-round"}};
  const LayerRecipe start{"int8", "sparq-3opt-round"};
  const MixedResult r = search_mixed(recipe, layers({5, 1}, start), additive({5, 0.5}, start), {.max_drop = 1});
  EXPECT_EQ(r.recipe.rules.front(), recipe.rules.front());
  EXPECT_EQ(code_of(r.recipe, "layer0").act_code, "int8");
  EXPECT_EQ(code_of(r.recipe, "layer1").act_code, "sparq-3opt-round");
}

TEST(Mixed, SaysWhenEightBitsAreNotEnough) {
  const Recipe recipe = narrow_recipe(five);
  const MeasureDrop hopeless = [&](const Recipe& r) { return r.rules.size() == 2 ? 4.0 : 9.0; };
  const MixedResult r = search_mixed(recipe, layers({1, 2}, recipe.layers), hopeless, {.max_drop = 1});
  EXPECT_FALSE(r.reached);
  EXPECT_EQ(r.drop, 4);
  EXPECT_EQ(r.evaluations, 2);
  EXPECT_EQ(act_codes(r), (std::vector<std::string>{"int8", "int8"}));
  const MixedResult none = search_mixed(recipe, {}, hopeless, {.max_drop = 1});
  EXPECT_FALSE(none.reached);
  EXPECT_EQ(none.recipe, recipe);
}

TEST(Mixed, KeepsToItsBudgetAndTheResultStillFits) {
  const Recipe recipe = narrow_recipe("sparq-7opt-trim");
  std::vector<double> costs;
  for (int i = 0; i < 50; ++i) costs.push_back(0.1 + 0.37 * (i * 7 % 11));
  int last = 0;
  for (const int budget : {2, 5, 20, 1000}) {
    const MixedResult r =
        search_mixed(recipe, layers(costs, recipe.layers), additive(costs, recipe.layers),
                     {.max_drop = 1, .max_evaluations = budget, .progress = [&](int n, double) { last = n; }});
    EXPECT_TRUE(r.reached);
    EXPECT_LE(r.drop, 1 + 1e-9);
    EXPECT_LE(r.evaluations, budget);
    EXPECT_EQ(r.evaluations, last);
    EXPECT_NEAR(additive(costs, recipe.layers)(r.recipe), r.drop, 1e-12);
  }
}

TEST(Mixed, ADropThatIsNoNumberIsRefused) {
  const Recipe recipe = narrow_recipe(five);
  const auto message = [&](double max_drop, double drop) -> std::string {
    try {
      search_mixed(recipe, layers({1}, recipe.layers), [&](const Recipe&) { return drop; }, {.max_drop = max_drop});
    } catch (const Error& error) {
      return std::string(error.kind() == ErrorKind::usage ? "usage: " : "") + error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message(-1, 0), "usage: --max-drop must be 0 or more points");
  EXPECT_EQ(message(std::nan(""), 0), "usage: --max-drop must be 0 or more points");
  EXPECT_EQ(message(1, std::nan("")), "the drop of recipe 'sparq-5opt-round' is not a number");
}

}  // namespace
}  // namespace bitsieve
