// An 8-bit picture in memory.
#pragma once
#include <cstdint>
#include <vector>

namespace bitsieve {

// Pictures larger than this are refused before anything is allocated for them.
inline constexpr std::int64_t max_image_pixels = std::int64_t{64} << 20;

struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;                  // 1 (gray) or 3 (RGB)
  std::vector<std::uint8_t> pixels;  // rows, columns, channels: height * width * channels bytes
};

}  // namespace bitsieve
