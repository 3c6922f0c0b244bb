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

// Images that the repair looks at, at most; fewer where the values between the layers would take more memory than this.
inline constexpr std::int64_t repair_images = 256, repair_bytes = std::int64_t{2} << 30;
// Images that learned rounding looks at, at most; within the same memory.
inline constexpr std::int64_t rounding_images = 128;

// In this order, each as the recipe says:
// 1. equalize: on the unpruned network, whose outputs remain the target of everything after it;
// 2. prune to 2:4;
// 3. calibrate the changed network. After pruning, the ranges are those of the pruned network where nothing corrects
//    its outputs, and those of the unpruned one where a later step brings them back to it;
// 4. quantize;
// 5. learn the rounding of the weights: before anything that changes scales or makes up for the errors of the weights;
// 6. recalibrate the norms;
// 7. repair: matched to the unpruned network; last, so that it sees the layers as they will run.
// Whether compress() wants images besides the calibration.
inline bool needs_images(const Recipe& recipe) {
  return recipe.equalize || recipe.prune_two_of_four || recipe.rounding == Rounding::learned ||
         recipe.recalibrate_norms || recipe.repair != Repair::none;
}

// Throws Error when a step needs images and there are none, and as quantize does.
CompressResult compress(const CompressInput& input, const Recipe& recipe);

}  // namespace bitsieve
