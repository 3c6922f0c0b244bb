#include "search/shift_budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "methods/swis/swis.h"

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

namespace {

constexpr double exact_shifts = 7;  // what 8 bits need

// What is known of a layer with one number of shifts.
struct Measured {
  double shifts = 0, noise = 0, bits = 0;
};

class Spender {
 public:
  Spender(const Recipe& recipe, const Graph& graph, const MakeModel& make_model, const ImageSet& images,
          const ShiftBudget& budget, int threads, const std::function<void(std::int64_t, std::int64_t)>& progress)
      : recipe_(recipe),
        graph_(graph),
        make_model_(make_model),
        images_(images),
        budget_(budget),
        threads_(threads),
        progress_(progress),
        codes_(resolve(graph, recipe)) {}

  BudgetResult run() {
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      const auto options = swis::parse_name(codes_[i].weight_code);
      if (!options) continue;
      layers_.push_back(i);
      even_ = even_ || options->even;
    }
    if (layers_.empty()) {
      throw Error("a budget of shifts is for SWIS weights, and no layer has them; use --weights swis-n3-m4 or the like",
                  ErrorKind::usage);
    }
    measured_.resize(layers_.size());
    for (int n = even_ ? 2 : 1; n <= 6; n += even_ ? 2 : 1) measure(n);
    add_exact();
    return spend();
  }

 private:
  std::string code(std::size_t layer, double shifts) const {
    return shifts >= exact_shifts ? "int8" : swis::with_shifts(codes_[layers_[layer]].weight_code, shifts);
  }
  std::string name(std::size_t layer) const { return graph_.nodes[layers_[layer]].name; }

  Recipe with_shifts(double shifts) const {
    Recipe recipe = recipe_;
    recipe.first_last = FirstLast::int8;
    recipe.layers = {"int8", "int8"};
    recipe.rules.clear();  // only what is measured has fewer than 8 bits
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      if (!has_weights(graph_.nodes[i])) continue;
      const auto at = std::find(layers_.begin(), layers_.end(), i);
      const bool real = codes_[i].weight_code == "float";
      const std::string weights = real                  ? "float"
                                  : at == layers_.end() ? "int8"
                                                        : code(static_cast<std::size_t>(at - layers_.begin()), shifts);
      recipe.rules.push_back(layer_rule(graph_.nodes[i].name, {weights, real ? "float" : "int8"}));
    }
    return recipe;
  }

  void measure(int shifts) {
    std::vector<double> bits(layers_.size());
    bool first = true;
    const auto make = [&](const Recipe& recipe) {
      QuantizedModel model = make_model_(recipe);
      for (std::size_t l = 0; l < layers_.size() && first; ++l) bits[l] = stored_weight_bits(model.layers[layers_[l]]);
      first = false;
      return model;
    };
    const std::int64_t levels = even_ ? 3 : 6, level = even_ ? shifts / 2 - 1 : shifts - 1;
    const auto sensitivity = measure_sensitivity(with_shifts(shifts), make, images_, threads_, [&](std::int64_t done) {
      if (progress_) progress_(level * images_.size + done, levels * images_.size);
    });
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const auto found = std::find_if(sensitivity.begin(), sensitivity.end(), [&](const LayerSensitivity& s) {
        return s.node == static_cast<int>(layers_[l]);
      });
      if (found == sensitivity.end()) fail("layer '{}' runs in float, so its shifts cannot be measured", name(l));
      measured_[l].push_back({static_cast<double>(shifts), found->noise, bits[l]});
    }
  }

  void add_exact() {
    for (std::size_t l = 0; l < layers_.size(); ++l)
      measured_[l].push_back({exact_shifts, 0, 8.0 * static_cast<double>(graph_.nodes[layers_[l]].weight().size())});
  }

  // Between two numbers of shifts lies a schedule of both, with its own bits for the order of the filters.
  std::vector<Measured> with_halves(std::size_t l) const {
    std::vector<Measured> all;
    for (const Measured& m : measured_[l]) {
      if (!all.empty() && m.shifts < exact_shifts && swis_columns(l) < graph_.nodes[layers_[l]].weight().shape[0]) {
        const Measured& before = all.back();
        SharedShifts schedule;
        schedule.columns = swis_columns(l);
        schedule.shifts = {1, 1};
        const std::int64_t bytes = schedule_bytes(schedule, graph_.nodes[layers_[l]].weight().shape[0]);
        all.push_back({(before.shifts + m.shifts) / 2, std::sqrt(before.noise * m.noise),
                       (before.bits + m.bits) / 2 + 8.0 * static_cast<double>(bytes)});
      }
      all.push_back(m);
    }
    return all;
  }
  std::int64_t swis_columns(std::size_t l) const { return swis::parse_name(codes_[layers_[l]].weight_code)->columns; }

  BudgetResult spend() {
    const bool by_bits = budget_.bits_per_weight > 0;
    double weight = 0, fixed = 0;  // what the average is divided by, and what it holds besides
    if (by_bits) {
      const QuantizedModel model = make_model_(with_shifts(exact_shifts));
      for (std::size_t i = 0; i < codes_.size(); ++i) {
        if (!has_weights(graph_.nodes[i])) continue;
        weight += static_cast<double>(graph_.nodes[i].weight().size());
        fixed += stored_layer_bits(graph_.nodes[i], model.layers[i]);
      }
      for (const auto& layer : measured_) fixed -= layer.back().bits;
    } else {
      for (const std::size_t i : layers_) weight += static_cast<double>(macs(graph_, graph_.nodes[i]));
    }
    std::vector<std::vector<Measured>> all;
    std::vector<std::vector<Choice>> choices;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      all.push_back(with_halves(l));
      choices.emplace_back();
      for (const Measured& m : all.back()) {
        const double cost = by_bits ? m.bits : m.shifts * static_cast<double>(macs(graph_, graph_.nodes[layers_[l]]));
        choices.back().push_back({code(l, m.shifts), cost, m.noise});
      }
    }
    const double wanted = by_bits ? budget_.bits_per_weight : budget_.avg_shifts;
    const std::vector<std::size_t> chosen = choose(choices, wanted * weight - fixed);
    BudgetResult result;
    result.recipe = recipe_;
    double cost = fixed;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const Measured& m = all[l][chosen[l]];
      cost += choices[l][chosen[l]].cost;
      BudgetLayer layer{name(l), choices[l][chosen[l]].code, m.shifts, m.noise, {}};
      for (const Measured& seen : measured_[l]) layer.seen.emplace_back(seen.shifts, seen.noise);
      result.recipe.rules.push_back(layer_rule(name(l), {layer.code, ""}));
      result.layers.push_back(std::move(layer));
    }
    result.average = cost / weight;
    result.reached = result.average <= wanted * (1 + 1e-9);
    return result;
  }

  const Recipe& recipe_;
  const Graph& graph_;
  const MakeModel& make_model_;
  const ImageSet& images_;
  const ShiftBudget& budget_;
  const int threads_;
  const std::function<void(std::int64_t, std::int64_t)>& progress_;
  const std::vector<LayerRecipe> codes_;  // by node
  std::vector<std::size_t> layers_;       // nodes with SWIS weights
  std::vector<std::vector<Measured>> measured_;
  bool even_ = false;
};

}  // namespace

BudgetResult spend_shifts(const Recipe& recipe, const Graph& graph, const MakeModel& make_model, const ImageSet& images,
                          const ShiftBudget& budget, int threads,
                          const std::function<void(std::int64_t, std::int64_t)>& progress) {
  return Spender(recipe, graph, make_model, images, budget, threads, progress).run();
}

}  // namespace bitsieve
