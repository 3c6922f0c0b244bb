#include "eval/image_set.h"

#include <algorithm>

#include "base/error.h"

namespace bitsieve {

ImageSet batch_images(const Batch& batch) {
  if (!batch.labels.empty() && batch.labels.size() != batch.images.size()) {
    fail("{} labels for {} images", batch.labels.size(), batch.images.size());
  }
  ImageSet source{static_cast<std::int64_t>(batch.images.size()), {}, {}};
  source.image = [&batch](std::int64_t i, std::span<float> out) {
    const std::vector<float>& image = batch.images[static_cast<std::size_t>(i)];
    if (image.size() != out.size()) fail("image {} has {} values; the model wants {}", i, image.size(), out.size());
    std::copy(image.begin(), image.end(), out.begin());
  };
  if (!batch.labels.empty())
    source.label = [&batch](std::int64_t i) { return batch.labels[static_cast<std::size_t>(i)]; };
  return source;
}

}  // namespace bitsieve
