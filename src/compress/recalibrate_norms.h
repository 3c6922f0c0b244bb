// Batch norm statistics again, with the quantized layers running: how the authors of SPARQ adapt a network to it
// (specification A.1, BN recalibration).
//
// As in training mode, each batch is normalized by its own statistics while it flows, and the running statistics
// follow: r <- (1 - momentum) r + momentum * batch, with the unbiased variance of the batch. Then the running statistics
// take the place of mean and variance. Here the norms are folded: with gamma, beta, mean m, variance v and epsilon e of
// the norm folded into a layer, its real output z stands for the raw value (z - beta) sqrt(v + e) / gamma + m, and new
// statistics M, V make it g z + c with g = sqrt((v + e) / (V + e)), c = beta (1 - g) + gamma (m - M) / sqrt(V + e).
// Augmentation of the images is the caller's matter.
#pragma once
#include <cstdint>
#include <functional>

#include "compress/layer_pass.h"

namespace bitsieve {

struct RecalibrateOptions {
  int batches = 17;               // the authors ask for 2,048 images and stop one batch later
  std::int64_t batch_size = 128;
  double momentum = 0.1;
  int threads = 0;                // 0: all processors
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
// The nodes' norms in model.graph get the new statistics and describe the layers' output as it is then, so that a second
// call continues. Throws Error when there is no image.
RecalibrateReport recalibrate_norms(QuantizedModel& model, std::int64_t images, const ImageLoader& image,
                                    const RecalibrateOptions& options = {});

}  // namespace bitsieve
