// Learned rounding without labels: the weights of a quantized layer are rounded again, all of a filter together, so
// that the layer's outputs on calibration images change least. In the class of AdaRound (Nagel et al. 2020), searched
// directly.
//
// Layer by layer in topological order, every earlier layer already quantized and rounded. A filter with weights w and
// scale s becomes integers q. The float network gives it inputs y (in steps of the input's scale), the quantized one
// integer inputs x, so its output is off by t^T y - q^T x = e^T x + t^T (y - x), with t = w / s and e = t - q. Its mean
// square over the calibration images is, but for a constant, (e + d)^T H (e + d) with H = E[x x^T] and
// d = H^-1 E[x (y - x)^T] t: the rounding makes up for what earlier layers did, as AdaRound's asymmetric reconstruction
// does. Half of it is aimed at, t + d / 2, because that measured best (below). In a pruned network the weights u of the
// float network are others: then u + d / 2 is aimed at, d being that of u, and what remains makes up for what is gone.
// Each weight may take the grid's neighbour below or above t; scales, sets of shifts, schedules and zero filters stay,
// so the model gets neither larger nor slower (compress/rounding_search.h says how the choice is searched).
//
// What was tried (agreement with the float network, SQNR of scores; resnet20 and mobilenetv1-0.25, 300 images):
//
//              resnet20: int4-mse    swis-n2-m4   mobilenetv1: int4-mse   swis-n2-m4
//   aim at     plain    repaired    plain repaired  plain      repaired   plain      repaired
//   t           18.4      19.6      16.3   18.3   16 %  1.8   73 %  8.9    4 % 0.4   60 % 7.3
//   t + d / 2   19.4      20.0      17.7   18.9   67 %  8.9   76 % 11.1   63 % 7.0   74 % 9.8
//   t + d       18.8      19.6      17.4   18.6   72 %  9.4   77 % 10.9   66 % 7.4   73 % 9.4
//
// The neighbours of what is aimed at instead of those of t: up to 4 dB less on mobilenetv1. Without d (t alone):
// any value of a uniform grid instead of two gained up to 0.5 dB on resnet20 (int3-mse) and lost 0.6 on mobilenetv1
// (int4-mse, repaired). Weights in their own order instead of the largest inputs' first: up to 2 dB less, unrepaired.
// Damping from 0.001 to 0.1, 1024 to 8192 columns: the same within the noise of half a decibel.
//
// A mean that is off can be repaired afterwards for nothing, by the layer's bias. Where the recipe has a repair, or
// norms are recalibrated, both E are therefore covariances: weights are spent on what a bias cannot mend. Without, the
// means count and nothing is centred. Doing both would correct the mean twice: the rounding would give up some of the
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
  // (e + d / 2)^T H (e + d / 2) over that of the weights, t + d / 2, summed over the filters in real units.
  double before = 0, after = 0;
  std::int64_t weights = 0, changed = 0;
  std::int64_t columns = 0;  // output pixels looked at
};

struct LearnRoundingReport {
  std::vector<LearnedLayer> layers;   // in topological order
  std::int64_t images = 0;            // images used
  std::vector<std::string> warnings;  // layers left as they were, and why
};

// Filters of more weights are left as they are: matrices and columns of this many take 2.5 GiB.
inline constexpr std::int64_t longest_learned_filter = 8192;

// For a caller whose pass does more to each layer than to round it. model: as quantize() made it: its integers are
// those of model.graph's float weights under its scales. float_graph: whose outputs are wanted; the same nodes, perhaps
// other weights. centred: means are corrected afterwards (see above). Throws Error when there is no image or a node
// differs. threads <= 0: all processors; the result does not depend on it.
class RoundingLearner {
 public:
  // Keeps a reference to `model`; reads every image. `image` is not kept.
  RoundingLearner(QuantizedModel& model, const Graph& float_graph, std::int64_t images, const ImageLoader& image,
                  bool centred, int threads);
  RoundingLearner(const RoundingLearner&) = delete;
  RoundingLearner& operator=(const RoundingLearner&) = delete;

  // Rounds the current node of `pass`, which must be over `model` and the same images; nodes come in order, and those
  // that are no integer conv or linear are left alone.
  void learn(const LayerPass& pass);

  const LearnRoundingReport& report() const { return report_; }

 private:
  QuantizedModel& model_;
  const QuantizedModel float_model_;
  LayerPass float_pass_;  // over float_model_
  const bool centred_;
  const int threads_;
  LearnRoundingReport report_;
};

// All layers, in a pass of its own. progress gets the nodes done.
LearnRoundingReport learn_rounding(QuantizedModel& model, const Graph& float_graph, std::int64_t images,
                                   const ImageLoader& image, bool centred, int threads,
                                   const std::function<void(std::int64_t done)>& progress = {});

}  // namespace bitsieve
