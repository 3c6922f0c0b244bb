// What the float network's layers give on calibration images: the target of the repair.
#pragma once
#include <cstdint>
#include <vector>

#include "compress/layer_pass.h"

namespace bitsieve {

// By node: moments of every conv's and linear's real output before its clamp; empty for other nodes. One streaming
// pass: memory does not depend on the number of images, the result not on the threads.
std::vector<ChannelMoments> float_moments(const Graph& graph, std::int64_t images, const ImageLoader& image,
                                          int threads);

}  // namespace bitsieve
