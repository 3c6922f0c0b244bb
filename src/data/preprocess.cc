#include "data/preprocess.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "data/resize.h"

namespace bitsieve {
namespace {

// Pillow's RGB to L: ITU-R 601-2 luma in 16-bit fixed point, rounded.
Image to_gray(const Image& image) {
  Image gray{image.height, image.width, 1, {}};
  gray.pixels.reserve(image.pixels.size() / 3);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const std::uint32_t sum =
        image.pixels[i] * 19595u + image.pixels[i + 1] * 38470u + image.pixels[i + 2] * 7471u + 0x8000u;
    gray.pixels.push_back(static_cast<std::uint8_t>(sum >> 16));
  }
  return gray;
}

// The margin before a centered crop. Half a pixel goes to the even side: Python's round(), which torchvision uses.
int margin(int have, int want) { return static_cast<int>(std::nearbyint((have - want) / 2.0)); }

}  // namespace

void require_picture(const Image& source) {
  if ((source.channels != 1 && source.channels != 3) || source.height < 1 || source.width < 1 ||
      source.pixels.size() !=
          static_cast<std::size_t>(source.height) * static_cast<std::size_t>(source.width * source.channels)) {
    fail("the image is {}x{} with {} channels and {} bytes", source.height, source.width, source.channels,
         source.pixels.size());
  }
}

Image resize_as(const Image& image, const Preprocessing& p) {
  switch (p.resize) {
    case ResizeRule::none:
      return image;
    case ResizeRule::exact:
      return resize_bilinear(image, p.height, p.width);
    case ResizeRule::shorter: {
      // The longer side is rounded down, as torchvision does.
      const std::int64_t small = std::min(image.height, image.width);
      const std::int64_t longer = std::int64_t{p.shorter} * std::max(image.height, image.width) / small;
      if (longer > max_image_pixels) {
        fail("cannot resize {}x{} to a shorter side of {}", image.height, image.width, p.shorter);
      }
      const int other = static_cast<int>(longer);
      return image.height <= image.width ? resize_bilinear(image, p.shorter, other)
                                         : resize_bilinear(image, other, p.shorter);
    }
  }
  return image;
}

void preprocess(const Image& source, const Preprocessing& p, float* out_hwc) {
  require_picture(source);
  const int channels = p.channel_count();
  const Image image = resize_as(channels == 1 && source.channels == 3 ? to_gray(source) : source, p);

  const int height = p.height > 0 ? p.height : image.height;
  const int width = p.width > 0 ? p.width : image.width;
  const bool fits = p.crop == CropRule::center ? image.height >= height && image.width >= width
                                               : image.height == height && image.width == width;
  if (!fits) {
    fail("image is {}x{}, the network wants {}x{}: set resize{} in the --preprocess file", image.height, image.width,
         height, width, image.height >= height && image.width >= width ? " or crop" : "");
  }
  const int top = margin(image.height, height), left = margin(image.width, width);

  // A byte has 256 values, so the arithmetic is done once per value and not once per pixel.
  std::vector<std::array<float, 256>> value_of(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; c < value_of.size(); ++c) {
    const float mean = p.mean.at(p.mean.size() == 1 ? 0 : c);
    const float deviation = p.std.at(p.std.size() == 1 ? 0 : c);
    for (int value = 0; value < 256; ++value) {
      const float scaled = static_cast<float>(value) * p.scale;
      value_of[c][static_cast<std::size_t>(value)] = (scaled - mean) / deviation;
    }
  }
  for (int y = 0; y < height; ++y) {
    const std::size_t row = static_cast<std::size_t>(top + y) * static_cast<std::size_t>(image.width);
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* pixel =
          image.pixels.data() + (row + static_cast<std::size_t>(left + x)) * static_cast<std::size_t>(image.channels);
      for (int c = 0; c < channels; ++c) {
        const int from = image.channels == 1 ? 0 : p.channels == ChannelOrder::bgr ? 2 - c : c;
        *out_hwc++ = value_of[static_cast<std::size_t>(c)][pixel[from]];
      }
    }
  }
}

}  // namespace bitsieve
