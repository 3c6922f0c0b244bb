// The training loop: SGD with momentum over batches, whatever the method.
#pragma once
#include <functional>

#include "train/method.h"
#include "train/options.h"

namespace bitsieve::train {

// Trains the module in place and calls method.finish(). Throws Error where the loss is no number any more: "loss is nan
// in epoch 3, batch 17".
void train(GraphModule& module, Method& method, BatchStream& batches, const TrainerOptions& options,
           const std::function<void(const EpochReport&)>& report = {});

}  // namespace bitsieve::train
