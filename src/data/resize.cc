// Pillow's scheme: a triangle filter as wide as the shrink ratio, weights in 22-bit fixed point, first along rows,
// then along columns, with bytes in between.
#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitsieve {
namespace {

// 32 bits less 8 for the pixel and 2 of head-room.
constexpr int fraction_bits = 22;
constexpr std::int32_t half = std::int32_t{1} << (fraction_bits - 1);

struct Tap {
  std::size_t first;                  // first source index
  std::vector<std::int32_t> weights;  // fixed point, one per source index from `first` on
};

// The order of these operations on doubles decides the last bit of the weights: keep it.
std::vector<Tap> make_taps(int from, int to) {
  const double ratio = static_cast<double>(from) / to;
  const double reach = std::max(ratio, 1.0);  // enlarging uses the plain triangle
  const double inverse = 1.0 / reach;
  std::vector<Tap> taps(static_cast<std::size_t>(to));
  std::vector<double> exact;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * ratio;
    const int begin = std::max(0, static_cast<int>(center - reach + 0.5));
    const int end = std::min(from, static_cast<int>(center + reach + 0.5));
    exact.clear();
    double sum = 0;
    for (int x = 0; x < end - begin; ++x) {
      const double distance = std::abs((x + begin - center + 0.5) * inverse);
      exact.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += exact.back();
    }
    Tap& tap = taps[static_cast<std::size_t>(i)];
    tap.first = static_cast<std::size_t>(begin);
    for (double weight : exact) {
      if (sum != 0) weight /= sum;
      tap.weights.push_back(static_cast<std::int32_t>(0.5 + weight * (1 << fraction_bits)));
    }
  }
  return taps;
}

std::uint8_t to_byte(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255)); }

template <int channels>
void resize_row(const std::uint8_t* source, const std::vector<Tap>& taps, std::uint8_t* target) {
  for (const Tap& tap : taps) {
    std::int32_t sums[channels];
    std::fill_n(sums, channels, half);
    const std::uint8_t* pixel = source + tap.first * channels;
    for (const std::int32_t weight : tap.weights) {
      for (int c = 0; c < channels; ++c) sums[c] += *pixel++ * weight;
    }
    for (int c = 0; c < channels; ++c) *target++ = to_byte(sums[c]);
  }
}

Image resize_rows(const Image& image, int width) {
  Image result{image.height, width, image.channels, {}};
  const auto from = static_cast<std::size_t>(image.width * image.channels);
  const auto to = static_cast<std::size_t>(width * image.channels);
  result.pixels.resize(static_cast<std::size_t>(image.height) * to);
  const std::vector<Tap> taps = make_taps(image.width, width);
  const auto row = image.channels == 1 ? resize_row<1> : resize_row<3>;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    row(image.pixels.data() + y * from, taps, result.pixels.data() + y * to);
  }
  return result;
}

Image resize_columns(const Image& image, int height) {
  Image result{height, image.width, image.channels, {}};
  const auto row = static_cast<std::size_t>(image.width * image.channels);
  result.pixels.reserve(static_cast<std::size_t>(height) * row);
  std::vector<std::int32_t> sums(row);
  for (const Tap& tap : make_taps(image.height, height)) {
    std::fill(sums.begin(), sums.end(), half);
    const std::uint8_t* source = image.pixels.data() + tap.first * row;
    for (const std::int32_t weight : tap.weights) {
      for (std::size_t x = 0; x < row; ++x) sums[x] += source[x] * weight;
      source += row;
    }
    for (const std::int32_t sum : sums) result.pixels.push_back(to_byte(sum));
  }
  return result;
}

}  // namespace

Image resize_bilinear(const Image& image, int height, int width) {
  // The row pass comes first, so what lies between the passes has to be small enough too.
  if (height < 1 || width < 1 || std::max(height, image.height) > max_image_pixels / width) {
    fail("cannot resize {}x{} to {}x{} (height x width)", image.height, image.width, height, width);
  }
  // A pass that would not change the size is left out, as every pass rounds.
  if (width == image.width && height == image.height) return image;
  if (width == image.width) return resize_columns(image, height);
  if (height == image.height) return resize_rows(image, width);
  return resize_columns(resize_rows(image, width), height);
}

}  // namespace bitsieve
