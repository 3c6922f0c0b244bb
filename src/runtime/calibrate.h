// One streaming pass of the float network over images.
#pragma once
#include <functional>
#include <span>

#include "quant/calibration.h"
#include "quant/model.h"

namespace bitsieve {

// image(i, out) writes preprocessed image i, channel-last; called from several threads. The result does not depend on
// the number of threads; memory does not depend on the number of images.
Calibration calibrate(const QuantizedModel& float_network, std::int64_t images, int threads,
                      const std::function<void(std::int64_t index, std::span<float> out)>& image,
                      const std::function<void(std::int64_t done)>& progress = {});

}  // namespace bitsieve
