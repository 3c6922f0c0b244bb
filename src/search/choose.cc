#include "search/choose.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace bitsieve {
namespace {

// Indices of a layer's choices on the lower convex hull of noise over cost, cheapest first.
std::vector<std::size_t> hull(const std::vector<Choice>& choices) {
  std::vector<std::size_t> order(choices.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(choices[a].cost, choices[a].noise) < std::pair(choices[b].cost, choices[b].noise);
  });
  std::vector<std::size_t> kept;
  const auto slope = [&](std::size_t a, std::size_t b) {  // noise saved for a cost
    return (choices[a].noise - choices[b].noise) / (choices[b].cost - choices[a].cost);
  };
  for (const std::size_t i : order) {
    if (!kept.empty() &&
        (choices[i].noise >= choices[kept.back()].noise || choices[i].cost <= choices[kept.back()].cost))
      continue;
    while (kept.size() > 1 && slope(kept.back(), i) >= slope(kept[kept.size() - 2], kept.back())) kept.pop_back();
    kept.push_back(i);
  }
  return kept;
}

struct Total {
  double cost = 0, noise = 0;
};

Total total(const std::vector<std::vector<Choice>>& layers, const std::vector<std::size_t>& chosen) {
  Total sum;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    sum.cost += layers[l][chosen[l]].cost;
    sum.noise += layers[l][chosen[l]].noise;
  }
  return sum;
}

// Single changes that save noise and still fit, the best one first, until there is none.
void fill(const std::vector<std::vector<Choice>>& layers, double budget, std::vector<std::size_t>& chosen) {
  for (;;) {
    const double left = budget - total(layers, chosen).cost;
    double best = 0;
    std::size_t layer = 0, choice = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      for (std::size_t i = 0; i < layers[l].size(); ++i) {
        const Choice &now = layers[l][chosen[l]], &other = layers[l][i];
        if (other.cost - now.cost <= left && now.noise - other.noise > best) {
          best = now.noise - other.noise;
          layer = l;
          choice = i;
        }
      }
    }
    if (!(best > 0)) return;
    chosen[layer] = choice;
  }
}

}  // namespace

std::vector<std::size_t> choose(const std::vector<std::vector<Choice>>& layers, double budget) {
  budget += 1e-9 * std::abs(budget);  // sums of parts that make up the budget exactly
  struct Step {
    std::size_t layer, to;
    double worth;
  };
  std::vector<Step> steps;
  std::vector<std::size_t> chosen;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::vector<std::size_t> line = hull(layers[l]);
    chosen.push_back(line[0]);
    for (std::size_t i = 1; i < line.size(); ++i) {
      const Choice &from = layers[l][line[i - 1]], &to = layers[l][line[i]];
      steps.push_back({l, line[i], (from.noise - to.noise) / (to.cost - from.cost)});
    }
  }
  // Along a hull steps are worth ever less, so those of a layer stay in their order.
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.worth > b.worth; });
  double cost = total(layers, chosen).cost;
  std::vector<bool> stopped(layers.size());
  for (const Step& step : steps) {
    const double more = layers[step.layer][step.to].cost - layers[step.layer][chosen[step.layer]].cost;
    if (stopped[step.layer] || cost + more > budget) {
      stopped[step.layer] = true;
      continue;
    }
    chosen[step.layer] = step.to;
    cost += more;
  }
  fill(layers, budget, chosen);
  // The even distribution is a fair rival.
  std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const auto& choices : layers) most = std::min(most, choices.size());
  for (std::size_t i = 0; i < most && !layers.empty(); ++i) {
    std::vector<std::size_t> even(layers.size(), i);
    if (total(layers, even).cost > budget) continue;
    fill(layers, budget, even);
    if (total(layers, even).noise < total(layers, chosen).noise) chosen = std::move(even);
  }
  return chosen;
}

}  // namespace bitsieve
