// The training loop: SGD with momentum over batches, whatever the method.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "train/batches.h"
#include "train/method.h"
#include "train/schedule.h"

namespace bitsieve::train {

struct TrainerOptions {
  int epochs = 10;
  Schedule schedule;  // its epochs are set to these
  double momentum = 0.9;
  double decay = 1e-4;         // of weights, gamma and beta, as the authors of BSQ have it
  double label_smoothing = 0;  // 0 to 1
  std::uint64_t seed = 1;
};

struct EpochReport {
  int epoch = 0;                  // done, 1 to epochs
  double loss = 0, accuracy = 0;  // means over the epoch's batches, in training mode; accuracy in percent
  double rate = 0;                // at the end of the epoch
  double seconds = 0;
  std::string status;  // of the method
};

// Trains the module in place and calls method.finish(). Throws Error where the loss is no number any more: "loss is nan
// in epoch 3, batch 17".
void train(GraphModule& module, Method& method, BatchStream& batches, const TrainerOptions& options,
           const std::function<void(const EpochReport&)>& report = {});

}  // namespace bitsieve::train
