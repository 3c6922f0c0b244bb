// Repair without labels: each output channel of a quantized layer is matched to the float network.
//
// Layer by layer in topological order, every earlier layer already quantized and repaired: the layer's real output r
// (before clamp and rounding) becomes g r + c per channel, with c so that the means over calibration images are those of
// the float network and g = 1 (mean) or the ratio of standard deviations (gain). The gain goes into the weight scale,
// the offset into the bias: the model gets neither larger nor slower, and any weight or activation code will do, as
// only outputs are looked at. The mean alone is the empirical bias correction of Nagel et al. 2019, section 4.2.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "compress/layer_pass.h"
#include "quant/recipe.h"

namespace bitsieve {

struct LayerRepair {
  std::string node;
  double shift_before = 0;  // root mean square over channels of (mean - float mean) / float deviation of the layer
  double shift_after = 0;   // the same after the repair, computed from what was folded
  double gain_low = 1, gain_high = 1;  // least and largest gain folded
  std::int64_t channels = 0;
  std::int64_t refused = 0;  // channels left alone: the bias would overflow
};

struct RepairReport {
  std::vector<LayerRepair> layers;  // every integer conv and linear, in topological order
  std::int64_t images = 0;          // images used
};

// Gains are kept within [1 / max_gain, max_gain].
inline constexpr double max_gain = 4;

// float_graph: the graph `model` was quantized from (the same nodes), or the one before pruning: what to match.
// Throws Error when the graphs do not fit together or there is no image. progress gets the nodes done.
RepairReport repair(QuantizedModel& model, const Graph& float_graph, std::int64_t images, const ImageLoader& image,
                    Repair mode, int threads, const std::function<void(std::int64_t done)>& progress = {});

}  // namespace bitsieve
