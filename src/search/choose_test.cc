#include "search/choose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace bitsieve {
namespace {

using Layers = std::vector<std::vector<Choice>>;

Layers random_layers(std::mt19937& random) {
  Layers layers(1 + random() % 5);
  for (auto& choices : layers) {
    const double size = 1 + static_cast<double>(random() % 100);
    double noise = std::exp(static_cast<double>(random() % 800) / 100);
    for (int n = 1; n <= 4; ++n) {
      choices.push_back({"", size * n, noise});
      noise *= 0.05 + static_cast<double>(random() % 1000) / 1200;
    }
  }
  return layers;
}

std::pair<double, double> sums(const Layers& layers, const std::vector<std::size_t>& chosen) {
  double cost = 0, noise = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    cost += layers[l][chosen[l]].cost;
    noise += layers[l][chosen[l]].noise;
  }
  return {cost, noise};
}

TEST(Choose, StaysWithinAndIsCloseToTheBest) {
  std::mt19937 random(1);
  double excess = 0;
  constexpr int trials = 300;
  for (int trial = 0; trial < trials; ++trial) {
    const Layers layers = random_layers(random);
    double least = 0, most = 0;
    for (const auto& choices : layers) {
      least += choices.front().cost;
      most += choices.back().cost;
    }
    const double budget = least + (most - least) * static_cast<double>(random() % 1000) / 1000;
    const auto [cost, noise] = sums(layers, choose(layers, budget));
    EXPECT_LE(cost, budget * (1 + 1e-8));
    double best = INFINITY;
    std::vector<std::size_t> every(layers.size());
    for (std::size_t code = 0; code < std::size_t{1} << (2 * layers.size()); ++code) {
      for (std::size_t l = 0; l < layers.size(); ++l) every[l] = code >> (2 * l) & 3;
      const auto [c, n] = sums(layers, every);
      if (c <= budget * (1 + 1e-9)) best = std::min(best, n);
      const bool even = std::all_of(every.begin(), every.end(), [&](std::size_t i) { return i == every[0]; });
      if (even && c <= budget) {
        EXPECT_LE(noise, n * (1 + 1e-12));
      }
    }
    EXPECT_GE(noise, best * (1 - 1e-12));
    excess += noise / best - 1;
  }
  EXPECT_LT(excess / trials, 0.1);
}

TEST(Choose, EndsOfTheRange) {
  std::mt19937 random(2);
  const Layers layers = random_layers(random);
  for (const std::size_t i : choose(layers, 0)) EXPECT_EQ(i, 0u);  // nothing fits: the cheapest
  for (const std::size_t i : choose(layers, 1e9)) EXPECT_EQ(i, 3u);
  EXPECT_TRUE(choose({}, 1).empty());
}

TEST(Choose, LeavesOutChoicesThatOthersBeat) {
  // The second choice costs more than the third and is worse.
  const Layers layers{{{"a", 1, 10}, {"b", 3, 5}, {"c", 2, 4}}};
  EXPECT_EQ(choose(layers, 3), std::vector<std::size_t>{2});
}

}  // namespace
}  // namespace bitsieve
