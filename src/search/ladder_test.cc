#include "search/ladder.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/error.h"
#include "methods/methods.h"
#include "search/sensitivity.h"

namespace bitsieve {
namespace {

std::vector<std::string> acts(const std::string& start) {
  std::vector<std::string> codes;
  for (const LayerRecipe& rung : ladder({"int8", start})) codes.push_back(rung.act_code);
  return codes;
}

TEST(Ladder, ClimbsThroughTheOptionsAndKeepsTheirEnding) {
  EXPECT_EQ(acts("sparq-2opt-trim"),
            (std::vector<std::string>{"sparq-2opt-trim", "sparq-3opt-trim", "sparq-5opt-trim", "int8"}));
  EXPECT_EQ(acts("sparq-5opt-round"), (std::vector<std::string>{"sparq-5opt-round", "int8"}));
  EXPECT_EQ(acts("sparq-6opt-round-novs"),
            (std::vector<std::string>{"sparq-6opt-round-novs", "sparq-2opt-round-novs", "sparq-3opt-round-novs",
                                      "sparq-5opt-round-novs", "int8"}));
  EXPECT_EQ(acts("act4-uniform"), (std::vector<std::string>{"act4-uniform", "int8"}));
  EXPECT_EQ(acts("int8"), std::vector<std::string>{"int8"});
}

TEST(Ladder, WeightsAndActivationsClimbTogether) {
  const std::vector<LayerRecipe> expected{
      {"int4", "sparq-5opt-round"}, {"int5", "int8"}, {"int6", "int8"}, {"int8", "int8"}};
  EXPECT_EQ(ladder({"int4", "sparq-5opt-round"}), expected);
  const std::vector<LayerRecipe> sparq{
      {"int4-sparq", "int8"}, {"int5-sparq", "int8"}, {"int6-sparq", "int8"}, {"int8-sparq", "int8"}};
  EXPECT_EQ(ladder({"int4-sparq", "int8"}), sparq);
  EXPECT_EQ(ladder({"float", "float"}).size(), 1u);
}

TEST(Ladder, EveryCodeReachesEightBitsAndNeverLosesAny) {
  for (const ActivationCodeRow& act : activation_codes()) {
    for (const WeightCodeRow& row : weight_codes()) {
      for (const std::string& weight : row.examples) {
        const std::vector<LayerRecipe> rungs = ladder({weight, act.name});
        EXPECT_EQ(rungs.front(), (LayerRecipe{weight, act.name}));
        for (std::size_t i = 0; i < rungs.size(); ++i) {
          const double w = require_weight_code(rungs[i].weight_code).shifts;
          const int a = require_activation_code(rungs[i].act_code).bits;
          if (i > 0) {
            EXPECT_FALSE(rungs[i] == rungs[i - 1]);
            EXPECT_GE(w, require_weight_code(rungs[i - 1].weight_code).shifts);
            EXPECT_GE(a, require_activation_code(rungs[i - 1].act_code).bits);
          }
          EXPECT_EQ(i + 1 == rungs.size(), w >= 7 && a >= 8) << weight << ' ' << act.name << ' ' << i;
        }
      }
    }
  }
}

TEST(Ladder, SharedShiftsClimbShiftByShift) {
  std::vector<std::string> codes;
  for (const LayerRecipe& rung : ladder({"swis-n3-m8-mse", "int8"})) codes.push_back(rung.weight_code);
  EXPECT_EQ(codes, (std::vector<std::string>{"swis-n3-m8-mse", "swis-n3.5-m8-mse", "swis-n4-m8-mse", "swis-n5-m8-mse",
                                             "int8"}));
}

TEST(Ladder, UnknownCodesAreRefused) {
  EXPECT_THROW(ladder({"int9", "int8"}), Error);
  EXPECT_THROW(ladder({"int8", "sparq-9opt"}), Error);
}

TEST(LayerRule, MatchesThisNameAndNoOther) {
  const std::string names[] = {"conv1",           "conv10", "a/conv1", "conv.1", "convx1", "(a+b)[0]*{2}^$|?\\",
                               "(a+b)[0]*{2}^$|?"};
  for (const std::string& name : names) {
    const LayerRule rule = layer_rule(name, {"int8", "sparq-5opt-round"});
    EXPECT_EQ(rule.weight_code, "int8");
    EXPECT_EQ(rule.act_code, "sparq-5opt-round");
    for (const std::string& other : names)
      EXPECT_EQ(std::regex_search(other, std::regex(rule.pattern)), other == name) << rule.pattern;
  }
}

}  // namespace
}  // namespace bitsieve
