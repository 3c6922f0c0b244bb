// Images with labels, as the passes of this folder read them.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace bitsieve {

// Labelled images, made one by one when they are needed. Both functions are called from several threads at once.
struct ImageSet {
  std::int64_t size = 0;
  // Writes preprocessed image `index` (0 to size - 1) in storage layout, channel-last.
  std::function<void(std::int64_t index, std::span<float> out)> image;
  // Its class, -1 for none. Empty: no image has a label.
  std::function<int(std::int64_t index)> label;
};

// Preprocessed images in memory, channel-last, with labels (-1: none).
struct Batch {
  std::vector<std::vector<float>> images;
  std::vector<int> labels;  // as many as images, or none
};

// The batch as a source; keeps a reference to it.
ImageSet batch_images(const Batch& batch);

}  // namespace bitsieve
