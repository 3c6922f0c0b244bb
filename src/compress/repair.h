// Repair without labels: each output channel of a quantized layer is matched to the float network.
//
// Layer by layer in topological order, every earlier layer already quantized and repaired: the layer's real output r
// (before clamp and rounding) becomes g r + c per channel, with c so that the mean over calibration images is that of
// the float network, and g = 1 (Repair::mean) or so that the standard deviation is as well (Repair::gain). Both are
// matched behind the layer's clamp, as the next layer sees them; before it, where there is no clamp or where the float
// channel is all but always clamped. The gain goes into the weight scale, the offset into the bias: the model gets
// neither larger nor slower, and any weight or activation code will do, as only outputs are looked at.
// After the bias correction of Nagel et al. 2019 (compress/equalize.h), which matches means before the clamp, no gain.
//
// What the choices are worth, measured: top-1 with 8-bit weights, 256 calibration images; mobilenetv1-0.25 on 300
// images of ImageNet (float 67.3), resnet20 on 509 of CIFAR-10 (float 91.6).
//                               mobilenetv1: 5opt-round  5opt-trim  2opt-trim   resnet20: 2opt-trim
//   no repair                                33.0         3.0        0.7                  89.4
//   mean, before the clamp                   36.3         1.0        0.3                  78.4
//   mean, behind the clamp                   49.0        42.0       33.3                  92.1
//   mean and gain, before the clamp          47.7        45.7       35.3                  91.0
//   mean and gain, behind the clamp          52.0        49.7       39.7                  90.0
// Trimming shrinks outputs towards zero; with the mean before a ReLU held, the part above zero still shrinks, and
// layer by layer the signal fades. Behind the ReLU there is nothing to fade.
// The gain as least squares slope cov(float, quantized) / var(quantized), before the clamp, gave 42.6 and 12.6 where
// the ratio of deviations gave 46.0 and 32.6 (5opt-round, 2opt-trim, 500 images), and var(float) / cov 24.2 and 16.8:
// the first shrinks by the noise's share of the variance, the second grows by it, and both add up over the layers.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "compress/distribution.h"
#include "compress/float_moments.h"
#include "compress/layer_pass.h"
#include "quant/recipe.h"

namespace bitsieve {

struct LayerRepair {
  std::string node;
  // Root mean square over channels of (mean - float mean), behind the clamp, over that of the float deviations.
  double shift_before = 0, shift_after = 0;
  double gain_low = 1, gain_high = 1;  // least and largest gain folded
  std::int64_t channels = 0;
  std::int64_t refused = 0;  // channels left alone: the bias would overflow
};

struct RepairReport {
  std::vector<LayerRepair> layers;  // every integer conv and linear, in topological order
  std::int64_t images = 0;          // images used
};

// float_graph: the graph `model` was quantized from (the same nodes), or the one before pruning: what to match.
// before_layer: called for each node before its turn, every earlier one being final; it may change the node's weights.
// moments: those of earlier repairs on the same images; null: none.
// Throws Error when the graphs do not fit together or there is no image. progress gets the nodes done.
RepairReport repair(QuantizedModel& model, const Graph& float_graph, std::int64_t images, const ImageLoader& image,
                    Repair mode, int threads, const std::function<void(std::int64_t done)>& progress = {},
                    const std::function<void(const LayerPass& pass)>& before_layer = {},
                    FloatMomentsCache* moments = nullptr);

}  // namespace bitsieve
