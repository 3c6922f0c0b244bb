#include "search/mixed.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "eval/prefix_cache.h"
#include "search/ladder.h"

namespace bitsieve {
namespace {

// Rung of every layer, by index into the sensitivities: 0 is the narrow recipe.
using Rungs = std::vector<std::size_t>;

class Search {
 public:
  Search(const Recipe& narrow, const std::vector<LayerSensitivity>& layers, const MeasureDrop& drop,
         const MixedOptions& options)
      : narrow_(narrow), layers_(layers), measure_(drop), options_(options) {
    for (const LayerSensitivity& layer : layers) ladders_.push_back(ladder(layer.code));
  }

  MixedResult run() {
    MixedResult result;
    Rungs rungs(layers_.size(), 0);
    result.narrow_drop = drop(rungs);
    if (!fits(rungs) && !layers_.empty()) rungs = give_back(restore());
    result.drop = drop(rungs);
    result.reached = fits(rungs);
    result.recipe = recipe(rungs);
    result.evaluations = static_cast<int>(known_.size());
    for (std::size_t i = 0; i < layers_.size(); ++i) result.layers.push_back({layers_[i], ladders_[i][rungs[i]]});
    return result;
  }

 private:
  std::size_t top(std::size_t i) const { return ladders_[i].size() - 1; }
  bool can_measure() const { return static_cast<int>(known_.size()) < options_.max_evaluations; }

  Recipe recipe(const Rungs& rungs) const {
    Recipe result = narrow_;
    for (std::size_t i = 0; i < rungs.size(); ++i) {
      if (rungs[i] == 0) continue;
      LayerRecipe code = ladders_[i][rungs[i]];
      if (code.weight_code == layers_[i].code.weight_code) code.weight_code.clear();
      if (code.act_code == layers_[i].code.act_code) code.act_code.clear();
      result.rules.push_back(layer_rule(layers_[i].name, code));
    }
    if (result.rules.size() > narrow_.rules.size()) result.name += "-mixed";
    return result;
  }

  double drop(const Rungs& rungs) {
    if (const auto found = known_.find(rungs); found != known_.end()) return found->second;
    const Recipe tried = recipe(rungs);
    const double value = measure_(tried);
    if (std::isnan(value)) fail("the drop of recipe '{}' is not a number", tried.name);
    known_.emplace(rungs, value);
    if (options_.progress) options_.progress(static_cast<int>(known_.size()), value);
    return value;
  }
  // Differences of percentages carry rounding errors of about 1e-14.
  bool fits(const Rungs& rungs) { return drop(rungs) <= options_.max_drop + 1e-9; }

  // The `count` most sensitive layers at 8 bits, the others narrow.
  Rungs restored(const std::vector<std::size_t>& order, std::size_t count) const {
    Rungs rungs(layers_.size(), 0);
    for (std::size_t i = 0; i < count; ++i) rungs[order[i]] = top(order[i]);
    return rungs;
  }

  // The fewest layers at 8 bits that fit; all of them where not even that fits.
  Rungs restore() {
    const auto order = sorted([](const LayerSensitivity& a, const LayerSensitivity& b) { return a.noise > b.noise; });
    std::size_t low = 0, high = order.size();  // `low` does not fit, `high` does
    if (!fits(restored(order, high))) return restored(order, high);
    while (high - low > 1 && can_measure()) {
      const std::size_t middle = low + (high - low) / 2;
      (fits(restored(order, middle)) ? high : low) = middle;
    }
    return restored(order, high);
  }

  // Each layer that is not narrow goes as far down its ladder as fits, the most work first.
  Rungs give_back(Rungs rungs) {
    if (!fits(rungs)) return rungs;
    for (const std::size_t i : sorted([](const auto&a, const auto&b) { return a.macs > b.macs; })) {
      std::size_t low = 0, high = rungs[i];  // `high` fits
      while (low < high && can_measure()) {
        const std::size_t middle = low + (high - low) / 2;
        Rungs tried = rungs;
        tried[i] = middle;
        if (fits(tried)) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      rungs[i] = high;
    }
    return rungs;
  }

  template <class Before>
  std::vector<std::size_t> sorted(Before before) const {
    std::vector<std::size_t> order(layers_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return before(layers_[a], layers_[b]); });
    return order;
  }

  const Recipe& narrow_;
  const std::vector<LayerSensitivity>& layers_;
  const MeasureDrop& measure_;
  const MixedOptions& options_;
  std::vector<std::vector<LayerRecipe>> ladders_;
  std::map<Rungs, double> known_;
};

}  // namespace

MeasureDrop top1_drop(MakeModel make_model, ImageSet images, Evaluation reference, int threads) {
  const EvaluateOptions options{.threads = threads, .keep_scores = false};
  return [=, cache = std::make_shared<PrefixCache>(std::move(images))](const Recipe& recipe) {
    return paired_drop(reference, cache->evaluate(make_model(recipe), options)).drop;
  };
}

MeasureDrop disagreement(MakeModel make_model, ImageSet images, Evaluation reference, int threads) {
  const EvaluateOptions options{.threads = threads, .keep_scores = false};
  return [=, cache = std::make_shared<PrefixCache>(std::move(images))](const Recipe& recipe) {
    return 100 - agreement(reference, cache->evaluate(make_model(recipe), options));
  };
}

MixedResult search_mixed(const Recipe& narrow, const std::vector<LayerSensitivity>& sensitivity,
                         const MeasureDrop& drop, const MixedOptions& options) {
  if (!(options.max_drop >= 0)) throw Error("--max-drop must be 0 or more points", ErrorKind::usage);
  return Search(narrow, sensitivity, drop, options).run();
}

}  // namespace bitsieve
