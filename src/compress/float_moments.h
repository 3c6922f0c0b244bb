// What the float network's layers give on calibration images: the target of the repair.
#pragma once
#include <cstdint>
#include <vector>

#include "compress/layer_pass.h"

namespace bitsieve {

struct LayerMoments {
  ChannelMoments before, after;  // of the real output before and after the node's clamp
};

// By node; empty for nodes other than conv and linear. One streaming pass: memory does not depend on the number of
// images, the result not on the threads.
std::vector<LayerMoments> float_moments(const Graph& graph, std::int64_t images, const ImageLoader& image, int threads);

}  // namespace bitsieve
