#include "data/augment.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"

namespace bitsieve {
namespace {

int enlarged(int extent) { return static_cast<int>((std::int64_t{extent} * 8 + 3) / 7); }

// height x width of the picture from (top, left) on; black where there is no picture.
Image cut(const Image& image, int top, int left, int height, int width, bool mirrored) {
  const auto channels = static_cast<std::size_t>(image.channels);
  Image out{height, width, image.channels, {}};
  out.pixels.assign(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * channels, 0);
  for (int y = std::max(0, -top); y < height && top + y < image.height; ++y) {
    for (int x = std::max(0, -left); x < width && left + x < image.width; ++x) {
      const auto from = static_cast<std::size_t>(top + y) * static_cast<std::size_t>(image.width) +
                        static_cast<std::size_t>(left + x);
      const auto to = static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                      static_cast<std::size_t>(mirrored ? width - 1 - x : x);
      std::copy_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(from * channels), channels,
                  out.pixels.begin() + static_cast<std::ptrdiff_t>(to * channels));
    }
  }
  return out;
}

}  // namespace

void preprocess_augmented(const Image& source, const Preprocessing& p, std::uint64_t seed, std::uint64_t draw,
                          float* out_hwc) {
  require_picture(source);
  if (p.resize != ResizeRule::none && p.height == 0)
    fail("augmenting pictures that are resized needs size in the --preprocess file");
  const int height = p.height > 0 ? p.height : source.height, width = p.width > 0 ? p.width : source.width;
  Preprocessing larger = p;
  larger.height = enlarged(height);
  larger.width = enlarged(width);
  larger.shorter = std::max(p.shorter, std::max(larger.height, larger.width));
  const Image image = resize_as(source, larger);
  const int down = image.height - height, right = image.width - width;
  if (down < 0 || right < 0) return preprocess(source, p, out_hwc);  // says what is wrong
  const int padding = p.resize == ResizeRule::none && down == 0 && right == 0 ? augment_padding : 0;
  Random random(seed, draw);
  const int top = static_cast<int>(random.below(down + 2 * padding + 1)) - padding,
            left = static_cast<int>(random.below(right + 2 * padding + 1)) - padding;
  const bool mirrored = random.below(2) == 1;
  Preprocessing pixels = p;
  pixels.resize = ResizeRule::none;
  pixels.crop = CropRule::none;
  preprocess(cut(image, top, left, height, width, mirrored), pixels, out_hwc);
}

}  // namespace bitsieve
