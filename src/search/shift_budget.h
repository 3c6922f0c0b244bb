// A budget of shifts or of stored bits for the whole network, spent on the layers where it helps most.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eval/image_set.h"
#include "quant/recipe.h"
#include "search/sensitivity.h"

namespace bitsieve {

// The average asked for; exactly one is above 0.
struct ShiftBudget {
  double avg_shifts = 0;       // shifts_per_weight of all conv and linear layers, weighted by MACs; 31 for float ones
  double bits_per_weight = 0;  // stored bits of all conv and linear layers, everything counted (quant/model.h)
};

struct BudgetLayer {
  std::string name;
  std::string code;                             // chosen
  double shifts = 0, noise = 0;                 // of that code; noise: LayerSensitivity::noise of it alone
  std::vector<std::pair<double, double>> seen;  // (shifts, noise) that were measured
};

struct BudgetResult {
  Recipe recipe;         // with a rule for each layer
  bool reached = false;  // the average is within the budget; otherwise `average` is the least possible
  double average = 0;    // of what the budget counts, in a model made from the recipe
  std::vector<BudgetLayer> layers;
};

// Layers that `recipe` gives a SWIS code are measured alone with 1 to 6 shifts (even ones only where the code says so)
// on every image, as measure_sensitivity does; a schedule of two numbers counts as their geometric mean, weighted by
// its blocks; 7 shifts are int8. Throws Error (usage) where no layer has such a code.
BudgetResult spend_shifts(const Recipe& recipe, const Graph& graph, const MakeModel& make_model, const ImageSet& images,
                          const ShiftBudget& budget, int threads = 0,
                          const std::function<void(std::int64_t done, std::int64_t of)>& progress = {});

}  // namespace bitsieve
