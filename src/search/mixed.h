// The mixed recipe: give a narrow recipe back as few bits as keep the accuracy.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "eval/accuracy.h"
#include "quant/recipe.h"
#include "search/sensitivity.h"

namespace bitsieve {

// Points lost by the network made from a recipe. What is lost is the caller's choice: top-1 on labelled images, or,
// without labels, the share of calibration images on which it disagrees with the float network, which is an upper bound
// of the top-1 lost on them. Must give the same number for the same recipe.
using MeasureDrop = std::function<double(const Recipe&)>;

// The two usual ones; `reference` is an evaluation of the same images by the network to compare with. Layers that the
// recipes share are computed once (eval/prefix_cache.h), so neither may be called from several threads at once.
MeasureDrop top1_drop(MakeModel make_model, ImageSet images, Evaluation reference, int threads = 0);
MeasureDrop disagreement(MakeModel make_model, ImageSet images, Evaluation reference, int threads = 0);

struct MixedOptions {
  double max_drop = 1;                                              // in points, as MeasureDrop counts them
  int max_evaluations = 60;                                         // calls of MeasureDrop at most; 2 at least
  std::function<void(int evaluations, double drop)> progress = {};  // after every call
};

struct MixedLayer {
  LayerSensitivity sensitivity;
  LayerRecipe chosen;
  bool narrow() const { return chosen == sensitivity.code; }  // kept the recipe's codes
};

struct MixedResult {
  Recipe recipe;           // the narrow one and a rule for every layer that was given bits back, then name + "-mixed"
  bool reached = false;    // drop <= max_drop; otherwise `recipe` has every layer at 8 bits
  double drop = 0;         // of `recipe`
  double narrow_drop = 0;  // of the recipe as it came
  int evaluations = 0;
  std::vector<MixedLayer> layers;  // in the order of `sensitivity`
};

// In order of sensitivity, most sensitive first: the smallest number of layers that must go to 8 bits is found by
// bisection. Then each of them, largest MACs first, is given its lowest rung of the ladder that stays within max_drop.
// Every choice follows from the measured drops: no randomness; ties go to graph order. A drop measured on few images,
// and searched for on the same images, is a little better than on new ones.
MixedResult search_mixed(const Recipe& narrow, const std::vector<LayerSensitivity>& sensitivity,
                         const MeasureDrop& drop, const MixedOptions& options = {});

}  // namespace bitsieve
