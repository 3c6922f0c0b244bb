// The whole way from a float network to a repaired quantized one: what every verb calls.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "compress/equalize.h"
#include "compress/learn_rounding.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "compress/recalibrate_norms.h"
#include "compress/repair.h"

namespace bitsieve {

struct CompressInput {
  const Graph* graph = nullptr;              // float; batch norms folded, activations fused
  const Calibration* calibration = nullptr;  // of *graph
  // Calibration images: repair, recalibration of norms, and calibration again where the graph changes need them.
  ImageLoader image = {};
  std::int64_t images = 0;
  // Images augmented as in training, for the recalibration of norms: 0, 1, ... without end, each augmented anew, of
  // `training_images` different ones (0: every one is different). Empty: those of `image`, with a warning
  // (compress/recalibrate_norms.h says why).
  ImageLoader training_image = {};
  std::int64_t training_images = 0;
  // Of earlier calls with the same `image`, which repair then need not compute again; null: none.
  FloatMomentsCache* moments = nullptr;
  int threads = 0;  // 0: all processors
  std::function<void(std::string_view step, std::int64_t done, std::int64_t of)> progress = {};
};

// `warnings` also says in one line each what the steps below did short of the recipe's words.
struct CompressResult : QuantizeResult {
  std::optional<EqualizeReport> equalize;  // set where the recipe asked for the step
  std::optional<PruneReport> prune;
  std::optional<LearnRoundingReport> rounding;
  std::optional<RecalibrateReport> recalibrate;
  std::optional<RepairReport> repair;
};

// Images that the repair looks at, at most; fewer where the values between the layers would take more memory than this,
// those of the float network beside them where rounding is learned in the same pass.
inline constexpr std::int64_t repair_images = 256, repair_bytes = std::int64_t{2} << 30;
// Images that learned rounding alone looks at, at most; within the same memory.
inline constexpr std::int64_t rounding_images = 128;

// Whether compress() wants images besides the calibration.
inline bool needs_images(const Recipe& recipe) {
  return recipe.equalize || recipe.prune_two_of_four || recipe.rounding == Rounding::learned ||
         recipe.recalibrate_norms || recipe.repair != Repair::none;
}

// In this order, each as the recipe says:
// 1. equalize: on the unpruned network, whose outputs remain the target of everything after it;
// 2. prune to 2:4;
// 3. calibrate the changed network. After pruning, the ranges are those of the pruned network where nothing corrects
//    its outputs, and those of the unpruned one where a later step brings them back to it;
// 4. quantize;
// 5. learn the rounding of the weights, before scales change;
// 6. recalibrate the norms;
// 7. repair: matched to the unpruned network; last, so that it sees the layers as they will run.
// Learned rounding and repair are one pass where there is no 6: each layer is rounded, then repaired, before the next
// one's turn. Rounding that sees what unrepaired layers give learns from values that will never be there again:
// mobilenetv1-0.25 on 300 images of ImageNet, repair with gain, in agreement with the float network and SQNR of scores
// (measured while rounding aimed at the weights alone, learn_rounding.h):
//                     int4-mse        int3-mse        trunc-n3
//   nearest           51.3 %  5.4     9.3 %  0.6     45.0 %  4.9
//   first 5, then 7   62.0 %  6.8     9.3 %  0.5     52.3 %  5.6
//   together          73.0 %  8.9    32.7 %  3.2     66.7 %  8.2
// Throws Error when a step needs images and there are none, and as quantize does.
CompressResult compress(const CompressInput& input, const Recipe& recipe);

}  // namespace bitsieve
