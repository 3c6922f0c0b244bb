// Learned rounding without labels: the weights of a quantized layer are rounded again, all of a filter together, so
// that the layer's outputs on calibration images change least. In the class of AdaRound (Nagel et al. 2020), searched
// directly.
//
// Layer by layer in topological order, every earlier layer already quantized and rounded: a filter with weights w and
// scale s becomes integers q with errors e = w / s - q, and its output is off by e^T x (in steps of s) for the integer
// inputs x that really reach the layer. The mean square of that over the calibration images is e^T H e with H = E[x
// x^T]. Each weight may take the grid's neighbour below or above w / s; scales, sets of shifts, schedules and zero
// filters stay, so the model gets neither larger nor slower (compress/rounding_search.h says how the choice is
// searched).
//
// What was tried (agreement with the float network, SQNR of scores; resnet20 and mobilenetv1-0.25 as in repair.h):
// any value of a uniform grid instead of two gained up to 0.5 dB on resnet20 (int3-mse) and lost 0.6 on mobilenetv1
// (int4-mse, repaired). Weights in their own order instead of the largest inputs' first: up to 2 dB less, unrepaired.
// Damping from 0.001 to 0.1, 1024 to 8192 columns: the same within the noise of half a decibel.
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

// The same for the pass's current node alone, adding to `report`: where a pass does more to a layer than this. Nothing
// happens where the node is no integer conv or linear. `pass` must be over `model`.
void learn_layer(QuantizedModel& model, const LayerPass& pass, bool centred, int threads, LearnRoundingReport& report);

}  // namespace bitsieve
