// What can be said about a training run. Free of torch.
#pragma once
#include <cstdint>
#include <string>

#include "train/batches.h"
#include "train/schedule.h"

namespace bitsieve::train {

struct TrainerOptions {
  int epochs = 10;
  Schedule schedule;  // its epochs are set to these
  double momentum = 0.9;
  double decay = 1e-4;         // of weights, gamma and beta, as the authors of BSQ have it
  double label_smoothing = 0;  // 0 to 1
};

struct EpochReport {
  int epoch = 0;                  // done, 1 to epochs
  double loss = 0, accuracy = 0;  // means over the epoch's batches, in training mode; accuracy in percent
  double rate = 0;                // at the end of the epoch
  double seconds = 0;
  std::string status;  // of the method
};

struct BsqOptions {
  double alpha = 5e-3;  // weight of the regularizer (specification of BSQ, A.3)
  int bits = 8;         // magnitude bits at the start
  int most_bits = 8;    // a carry may grow a layer up to; int8 weights hold 7, so the last adjustment cuts to that
  int interval = 100;   // epochs between adjustments (A.4); after the last one there is always one
  double decay = 1e-4;  // of planes: shrinks bits as alpha does (D.4)
  bool train_scale = true;
  int threads = 0;
};

struct TrainOptions {
  std::string method = "float";  // bsq or qat
  TrainerOptions trainer;
  BatchOptions batches;
  BsqOptions bsq;
  int qat_bits = 3;  // magnitude bits of every layer, 1 to 7
  // After bsq: training with the bits that it found, from its weights or, with restart, from those that it started
  // from.
  int finetune_epochs = 0;
  double finetune_rate = 0.01;
  bool restart = false;
  int threads = 0;  // 0: all processors
};

}  // namespace bitsieve::train
