// From a picture to a network's input.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace bitsieve {

enum class ResizeRule {
  none,
  exact,    // to height x width, whatever the picture's proportions
  shorter,  // the shorter side to `shorter`, proportions kept
};
enum class CropRule { none, center };
enum class ChannelOrder { rgb, bgr, gray };

// The file given with --preprocess. Steps in order: gray or RGB, resize, crop, scale, mean, std.
struct Preprocessing {
  int height = 0, width = 0;  // what the network sees; both 0: as the picture comes
  ResizeRule resize = ResizeRule::none;
  int shorter = 0;  // for ResizeRule::shorter
  CropRule crop = CropRule::none;
  ChannelOrder channels = ChannelOrder::rgb;
  float scale = 1.0f / 255.0f;
  std::vector<float> mean = {0.0f};  // one value, or one per channel in the network's order
  std::vector<float> std = {1.0f};   // likewise

  int channel_count() const { return channels == ChannelOrder::gray ? 1 : 3; }
  // parse_preprocessing(to_toml()) gives back the same values, floats to the bit.
  std::string to_toml() const;
  bool operator==(const Preprocessing&) const = default;
};

// Parses the [input] table; keys left out keep their defaults. Throws Error naming `origin`, the key and what is
// allowed.
Preprocessing parse_preprocessing(std::string_view toml, const std::string& origin);

// Writes height x width x channel_count() floats, rows first, channels last: (pixel * scale - mean) / std in float32,
// in that order. Throws Error when the picture does not come out in the size wanted. Where height and width are 0, out
// must have room for the picture's own size.
void preprocess(const Image& image, const Preprocessing& preprocessing, float* out_hwc);

// The step `resize` alone.
Image resize_as(const Image& image, const Preprocessing& preprocessing);

// Throws Error unless the extents, channels and bytes of the picture belong together.
void require_picture(const Image& image);

}  // namespace bitsieve
