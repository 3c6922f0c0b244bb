// One streaming pass of the float network over images.
#pragma once
#include <atomic>
#include <functional>
#include <span>

#include "quant/calibration.h"
#include "quant/model.h"

namespace bitsieve {

// image(i, out) writes preprocessed image i, channel-last; called from several threads.
using ImageSource = std::function<void(std::int64_t index, std::span<float> out)>;

struct CalibrateOptions {
  int threads = 0;                                  // 0: all processors
  const std::atomic<bool>* stop = nullptr;          // looked at between blocks of 32 images: true ends the pass early
  std::function<void(std::int64_t done)> progress;  // after every block
  std::function<void(const Calibration& so_far)> checkpoint;  // after a block, at most every checkpoint_seconds,
  double checkpoint_seconds = 5;                              // and when the pass was stopped
};

// Images 0 to images - 1, or those that `start` has not seen yet: start.images_done of them are skipped. `start` also
// carries what identifies the pass; images_wanted becomes `images`. The result does not depend on the number of threads
// nor on where the pass was interrupted; memory does not depend on the number of images. Throws Error when `start` does
// not fit the network or has more images, and when a value is not finite.
Calibration calibrate(const QuantizedModel& float_network, std::int64_t images, const ImageSource& image,
                      const CalibrateOptions& options, Calibration start = {});

// The whole pass without options.
Calibration calibrate(const QuantizedModel& float_network, std::int64_t images, int threads, const ImageSource& image,
                      const std::function<void(std::int64_t done)>& progress = {});

}  // namespace bitsieve
