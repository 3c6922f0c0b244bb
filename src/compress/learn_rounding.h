// Learned rounding without labels: the weights of a quantized layer are rounded again, all of a filter together, so
// that the layer's outputs on calibration images change least. In the class of AdaRound (Nagel et al. 2020), searched
// directly.
//
// Layer by layer in topological order, every earlier layer already quantized and rounded: a filter with weights w and
// scale s becomes integers q with errors e = w / s - q, and its output is off by e^T x (in steps of s) for the integer
// inputs x that really reach the layer. The mean square of that over the calibration images is e^T H e with H = E[x x^T].
// Each weight may take the grid's neighbour below or above w / s; scales, sets of shifts, schedules and zero filters
// stay, so the model gets neither larger nor slower (compress/rounding_search.h says how the choice is searched).
//
// A mean that is off can be repaired afterwards for nothing, by the layer's bias. Where the recipe has a repair, or
// norms are recalibrated, H is therefore the covariance: weights are spent on what a bias cannot mend. Without, the
// means count and H is not centred. Doing both would correct the mean twice: the rounding would give up some of the
// variance for a mean that is then replaced anyway.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "compress/layer_pass.h"

namespace bitsieve {

struct LearnedLayer {
  std::string node;
  double before = 0, after = 0;  // e^T H e over w^T H w, summed over the filters in real units
  std::int64_t weights = 0, changed = 0;
  std::int64_t columns = 0;  // output pixels looked at
};

struct LearnRoundingReport {
  std::vector<LearnedLayer> layers;   // in topological order
  std::int64_t images = 0;            // images used
  std::vector<std::string> warnings;  // layers left as they were, and why
};

// Filters of more weights are left as they are: the matrices would take too much memory.
inline constexpr std::int64_t longest_learned_filter = 8192;

// model: as quantize() made it: its integers are those of model.graph's float weights under its scales.
// centred: means are corrected afterwards (see above). Throws Error when there is no image. progress gets the nodes
// done. threads <= 0: all processors; the result does not depend on it.
LearnRoundingReport learn_rounding(QuantizedModel& model, std::int64_t images, const ImageLoader& image, bool centred,
                                   int threads, const std::function<void(std::int64_t done)>& progress = {});

}  // namespace bitsieve
