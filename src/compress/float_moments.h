// What the float network's layers give on calibration images: the target of the repair.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "compress/layer_pass.h"

namespace bitsieve {

struct LayerMoments {
  ChannelMoments before, after;  // of the real output before and after the node's clamp
};

// By node; empty for nodes other than conv and linear. One streaming pass: memory does not depend on the number of
// images, the result not on the threads.
std::vector<LayerMoments> float_moments(const Graph& graph, std::int64_t images, const ImageLoader& image, int threads);

// The same for many recipes on the same images, of which most are matched to the same float network: what was computed
// once is remembered. A few numbers a channel; not for several threads at once.
class FloatMomentsCache {
 public:
  // Every call has to come with the same images. The result is valid as long as this object.
  const std::vector<LayerMoments>& get(const Graph& graph, std::int64_t images, const ImageLoader& image, int threads);

 private:
  std::map<std::pair<Digest, std::int64_t>, std::vector<LayerMoments>> known_;  // by network and number of images
};

}  // namespace bitsieve
