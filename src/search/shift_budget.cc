#include "search/shift_budget.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "methods/swis/swis.h"
#include "search/choose.h"

namespace bitsieve {
namespace {

constexpr double exact_shifts = 7;  // what 8 bits need

// What is known of a layer with one number of shifts.
struct Measured {
  double shifts = 0, noise = 0, bits = 0;
  double named = shifts;  // in the code's name: that of a schedule may be above what its blocks come to
};

class Spender {
 public:
  Spender(const Recipe& recipe, const Graph& graph, const MakeModel& make_model, const ImageSet& images,
          const ShiftBudget& budget, int threads, const std::function<void(std::int64_t, std::int64_t)>& progress)
      : recipe_(recipe),
        graph_(graph),
        make_model_(make_model),
        images_(images),
        by_bits_(budget.bits_per_weight > 0),
        wanted_(by_bits_ ? budget.bits_per_weight : budget.avg_shifts),
        threads_(threads),
        progress_(progress),
        codes_(resolve(graph, recipe)) {}

  BudgetResult run() {
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      if (const auto options = swis::parse_name(codes_[i].weight_code)) {
        layers_.push_back(i);
        options_.push_back(*options);
      }
    }
    if (layers_.empty()) {
      throw Error("a budget of shifts is for SWIS weights, and no layer has them; use --weights swis-n3-m4 or the like",
                  ErrorKind::usage);
    }
    measured_.resize(layers_.size());
    const double least = average(make_model_(with_shifts(1)));  // before anything is measured
    if (least > wanted_) {
      BudgetResult result;
      result.recipe = recipe_;
      result.average = least;
      return result;
    }
    for (int n = 1; n <= 6; ++n) measure(n);
    for (std::size_t l = 0; l < layers_.size(); ++l) measured_[l].push_back({exact_shifts, 0, exact_bits(l)});
    return spend();
  }

 private:
  bool allowed(std::size_t l, int shifts) const { return !options_[l].even || shifts % 2 == 0; }
  double exact_bits(std::size_t l) const { return 8.0 * static_cast<double>(graph_.nodes[layers_[l]].weight().size()); }
  std::string code(std::size_t l, double shifts) const {
    if (shifts < exact_shifts) return swis::with_shifts(codes_[layers_[l]].weight_code, shifts);
    return options_[l].per_tensor ? "int8-tensor" : "int8";
  }
  std::string name(std::size_t l) const { return graph_.nodes[layers_[l]].name; }

  // The layers of shared shifts with so many of them (the next even number where only these are allowed), all else with
  // 8 bits or float as the recipe has it.
  Recipe with_shifts(int shifts) const {
    Recipe recipe = recipe_;
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      if (!has_weights(graph_.nodes[i]) || codes_[i].weight_code == "float") continue;
      const auto at = std::find(layers_.begin(), layers_.end(), i);
      LayerRecipe layer = codes_[i];
      layer.act_code = "int8";
      if (at != layers_.end()) {
        const auto l = static_cast<std::size_t>(at - layers_.begin());
        layer.weight_code = code(l, allowed(l, shifts) ? shifts : shifts + 1);
      }
      recipe.rules.push_back(layer_rule(graph_.nodes[i].name, layer));
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
    constexpr std::int64_t levels = 6;
    const auto sensitivity = measure_sensitivity(with_shifts(shifts), make, images_, threads_, [&](std::int64_t done) {
      if (progress_) progress_((shifts - 1) * images_.size + done, levels * images_.size);
    });
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      if (!allowed(l, shifts)) continue;
      const auto found = std::find_if(sensitivity.begin(), sensitivity.end(), [&](const LayerSensitivity& s) {
        return s.node == static_cast<int>(layers_[l]);
      });
      if (found == sensitivity.end()) fail("layer '{}' runs in float, so its shifts cannot be measured", name(l));
      measured_[l].push_back({static_cast<double>(shifts), found->noise, bits[l]});
    }
  }

  // Between two numbers of shifts lies a schedule: half of the blocks, rounded down, have the higher one.
  std::vector<Measured> with_halves(std::size_t l) const {
    const std::int64_t outputs = graph_.nodes[layers_[l]].weight().shape[0];
    SharedShifts schedule;
    schedule.columns = options_[l].columns;
    schedule.shifts = {1, 1};
    const std::int64_t blocks = filter_blocks(schedule, outputs);
    const double high = static_cast<double>(blocks / 2) / static_cast<double>(blocks);
    std::vector<Measured> all;
    for (const Measured& m : measured_[l]) {
      if (!all.empty() && m.shifts < exact_shifts && high > 0) {
        const Measured before = all.back();
        const auto between = [&](double a, double b) { return a + high * (b - a); };
        const double noise = before.noise > 0 && m.noise > 0
                                 ? std::exp(between(std::log(before.noise), std::log(m.noise)))
                                 : between(before.noise, m.noise);
        all.push_back(
            {between(before.shifts, m.shifts), noise,
             between(before.bits, m.bits) + 8.0 * static_cast<double>(schedule_bytes(schedule, outputs) + blocks)});
        all.back().named = (before.shifts + m.shifts) / 2;
      }
      all.push_back(m);
    }
    return all;
  }
  // What the budget is about, of a model: the same figures as the program prints for it.
  double average(const QuantizedModel& model) const {
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (!has_weights(node)) continue;
      const LayerCode& layer = model.layers[i];
      const auto products = static_cast<double>(macs(graph_, node)), size = static_cast<double>(node.weight().size());
      sum += by_bits_ ? stored_layer_bits(node, layer) : products * (layer.integer ? shifts_per_weight(layer) : 31);
      weight += by_bits_ ? size : products;
    }
    return weight > 0 ? sum / weight : 0;
  }

  BudgetResult spend() {
    const QuantizedModel exact = make_model_(with_shifts(static_cast<int>(exact_shifts)));
    double weight = 0;
    for (const Node& node : graph_.nodes) {
      if (!has_weights(node)) continue;
      weight += static_cast<double>(by_bits_ ? node.weight().size() : macs(graph_, node));
    }
    const auto cost_of = [&](std::size_t l, const Measured& m) {
      return by_bits_ ? m.bits : m.shifts * static_cast<double>(macs(graph_, graph_.nodes[layers_[l]]));
    };
    double fixed = average(exact) * weight;  // what the other layers take
    std::vector<std::vector<Measured>> all;
    std::vector<std::vector<Choice>> choices;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      all.push_back(with_halves(l));
      fixed -= cost_of(l, all.back().back());
      choices.emplace_back();
      for (const Measured& m : all.back()) choices.back().push_back({code(l, m.named), cost_of(l, m), m.noise});
    }
    // A schedule of levels that are not its own may take a few bits more than was reckoned: then with a little less.
    double budget = wanted_;
    for (int trial = 0; trial < 5; ++trial) {
      const BudgetResult result = recipe_of(all, choices, choose(choices, budget * weight - fixed));
      if (result.reached || trial == 4) return result;
      budget -= result.average - wanted_ + 1e-3;
    }
    return {};
  }

  BudgetResult recipe_of(const std::vector<std::vector<Measured>>& all, const std::vector<std::vector<Choice>>& choices,
                         const std::vector<std::size_t>& chosen) const {
    BudgetResult result;
    result.recipe = recipe_;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const Measured& m = all[l][chosen[l]];
      BudgetLayer layer{name(l), choices[l][chosen[l]].code, m.shifts, m.noise, {}};
      for (const Measured& seen : measured_[l]) layer.seen.emplace_back(seen.shifts, seen.noise);
      result.recipe.rules.push_back(layer_rule(name(l), {layer.code, ""}));
      result.layers.push_back(std::move(layer));
    }
    Recipe plain = result.recipe;
    plain.repair = Repair::none;
    plain.rounding = Rounding::nearest;
    plain.recalibrate_norms = false;
    result.average = average(make_model_(plain));
    result.reached = result.average <= wanted_ * (1 + 1e-9);
    return result;
  }

  const Recipe& recipe_;
  const Graph& graph_;
  const MakeModel& make_model_;
  const ImageSet& images_;
  const bool by_bits_;
  const double wanted_;
  const int threads_;
  const std::function<void(std::int64_t, std::int64_t)>& progress_;
  const std::vector<LayerRecipe> codes_;  // by node
  std::vector<std::size_t> layers_;       // nodes with SWIS weights
  std::vector<swis::Options> options_;    // theirs
  std::vector<std::vector<Measured>> measured_;
};

}  // namespace

BudgetResult spend_shifts(const Recipe& recipe, const Graph& graph, const MakeModel& make_model, const ImageSet& images,
                          const ShiftBudget& budget, int threads,
                          const std::function<void(std::int64_t, std::int64_t)>& progress) {
  Recipe plain = recipe;  // repair and learned rounding answer to the whole network's error, not to one layer's
  plain.repair = Repair::none;
  plain.rounding = Rounding::nearest;
  plain.recalibrate_norms = false;
  BudgetResult result = Spender(plain, graph, make_model, images, budget, threads, progress).run();
  Recipe whole = recipe;
  whole.rules = std::move(result.recipe.rules);
  result.recipe = std::move(whole);
  return result;
}

}  // namespace bitsieve
