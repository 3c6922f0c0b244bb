// Batch norm statistics again, with the quantized layers running: how the authors of SPARQ adapt a network to it
// (specification A.1, BN recalibration).
//
// As in training mode, each batch is normalized by its own statistics while it flows, and the running statistics
// follow: r <- (1 - momentum) r + momentum * batch, with the unbiased variance of the batch. Then the running
// statistics take the place of mean and variance. Here the norms are folded: with gamma, beta, mean m, variance v and
// epsilon e of the norm folded into a layer, its real output z stands for the raw value (z - beta) sqrt(v + e) / gamma
// + m, and new statistics M, V make it g z + c with g = sqrt((v + e) / (V + e)), c = beta (1 - g) + gamma (m - M) /
// sqrt(V + e).
// Images should be augmented as in training, by the caller (data/augment.h): statistics of plain images move even a
// float network away from what it was trained for. resnet20 on CIFAR-10 (509 images, 17 batches of 128), top-1 and SQNR
// of the scores:
//                 before        plain images    random crop and flip    repair with gain instead
//   float                        89.0  12.9       91.4  21.0
//   INT8            91.4  21.0   89.2  12.9       91.6  21.0              91.2  21.6
//   2opt-trim       90.0  11.4   89.6  12.2       90.8  16.2              90.0  16.8
//   7opt-trim       82.5   5.7   90.6  11.7       91.4  13.9              91.8  15.1
#pragma once
#include <cstdint>
#include <functional>

#include "compress/layer_pass.h"

namespace bitsieve {

struct RecalibrateOptions {
  int batches = 17;  // the authors ask for 2,048 images and stop one batch later
  std::int64_t batch_size = 128;
  double momentum = 0.1;
  int threads = 0;  // 0: all processors
  std::function<void(int batches_done)> progress = {};
};

struct RecalibrateReport {
  int batches = 0;
  std::int64_t batch_size = 0;       // smaller than asked for where there are fewer images
  std::int64_t distinct_images = 0;  // fewer than batches * batch_size: images were used again, in the same order
  std::int64_t layers = 0;           // norms recalibrated
  std::int64_t refused = 0;          // channels left alone: the bias would overflow, or gamma is 0
};

// Layers without a folded norm stay as they are; float layers with one are recalibrated too, in their float weights.
// The nodes' norms in model.graph get the new statistics and describe the layers' output as it is then, so that a
// second call continues. Throws Error when there is no image.
RecalibrateReport recalibrate_norms(QuantizedModel& model, std::int64_t images, const ImageLoader& image,
                                    const RecalibrateOptions& options = {});

}  // namespace bitsieve
