#include "data/image_file.h"

#include <spng.h>
#include <turbojpeg.h>

#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "data/gzip.h"

namespace bitsieve {
namespace {

void check_size(std::int64_t height, std::int64_t width, const std::string& origin) {
  if (height <= 0 || width <= 0 || height > max_image_pixels / width) {
    fail("'{}' is {}x{} (height x width); at most {} pixels are accepted", origin, height, width, max_image_pixels);
  }
}

// Pixels take memory before a decoder finds that the file ends too soon. `units` is what they take at least, where a
// byte of the file makes at most `ratio` of them.
void check_plausible(std::uint64_t units, std::uint64_t ratio, std::int64_t height, std::int64_t width,
                     std::string_view bytes, const std::string& origin) {
  if (units > ratio * bytes.size()) {
    fail("'{}' is {}x{} (height x width), more than its {} bytes can hold", origin, height, width, bytes.size());
  }
}

Image decode_jpeg(std::string_view bytes, const std::string& origin) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  if (decoder == nullptr) fail("cannot read '{}': the JPEG decoder does not start", origin);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, color = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling, &color) != 0 ||
      width <= 0 || height <= 0) {
    fail("'{}' is not a readable JPEG: {}", origin, tjGetErrorStr2(decoder.get()));
  }
  check_size(height, width, origin);
  // Each 8x8 block of gray takes at least one bit of a Huffman code. Twice that, for arithmetic codes do with less.
  constexpr std::uint64_t pixels_per_byte = 2 * 64 * 8;
  check_plausible(static_cast<std::uint64_t>(height) * static_cast<std::uint64_t>(width), pixels_per_byte, height,
                  width, bytes, origin);
  if (color == TJCS_CMYK || color == TJCS_YCCK) fail("'{}' is a CMYK JPEG; convert it to RGB", origin);
  const bool gray = color == TJCS_GRAY;
  Image image{height, width, gray ? 1 : 3, {}};
  image.pixels.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width * image.channels));
  // The accurate DCT and smooth chroma are turbojpeg's defaults, as in Pillow. The flag stops small files that repeat
  // scans over a large picture without end.
  if (tjDecompress2(decoder.get(), data, bytes.size(), image.pixels.data(), width, 0, height,
                    gray ? TJPF_GRAY : TJPF_RGB, TJFLAG_LIMITSCANS) != 0) {
    const std::string reason = tjGetErrorStr2(decoder.get());
    // Stray bytes between segments do no harm and occur in ImageNet; any other warning means wrong pixels.
    const bool harmless =
        tjGetErrorCode(decoder.get()) == TJERR_WARNING && reason.find("extraneous bytes") != std::string::npos;
    if (!harmless) fail("'{}' is not a readable JPEG: {}", origin, reason);
  }
  return image;
}

std::uint64_t samples(std::uint8_t color_type) {
  switch (color_type) {
    case SPNG_COLOR_TYPE_TRUECOLOR:
      return 3;
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA:
      return 4;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      return 2;
    default:
      return 1;  // gray; indices of a palette
  }
}

Image decode_png(std::string_view bytes, const std::string& origin) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> png(spng_ctx_new(0), spng_ctx_free);
  if (png == nullptr) fail("cannot read '{}': the PNG decoder does not start", origin);
  const auto check = [&](int status) {
    if (status != 0) fail("'{}' is not a readable PNG: {}", origin, spng_strerror(status));
  };
  // Comments and colour profiles are of no use here and must not cost memory.
  constexpr std::size_t chunk_limit = std::size_t{16} << 20;
  check(spng_set_chunk_limits(png.get(), chunk_limit, chunk_limit));
  check(spng_set_png_buffer(png.get(), bytes.data(), bytes.size()));
  spng_ihdr header{};
  check(spng_get_ihdr(png.get(), &header));
  check_size(header.height, header.width, origin);
  const std::uint64_t row_bits = std::uint64_t{header.width} * header.bit_depth * samples(header.color_type);
  check_plausible(header.height * ((row_bits + 7) / 8), deflate_ratio, header.height, header.width, bytes, origin);
  if (header.bit_depth == 16) fail("'{}' is a 16-bit PNG; convert it to 8 bits", origin);

  const bool gray = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE;
  const bool gray_alpha = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
  // spng has no way to drop the alpha of a gray picture, so that one is taken as RGBA and its red kept.
  const int format = gray ? SPNG_FMT_G8 : gray_alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8;
  std::size_t size = 0;
  check(spng_decoded_image_size(png.get(), format, &size));
  Image image{static_cast<int>(header.height), static_cast<int>(header.width), gray || gray_alpha ? 1 : 3, {}};
  image.pixels.resize(size);
  check(spng_decode_image(png.get(), image.pixels.data(), size, format, 0));
  if (gray_alpha) {
    for (std::size_t p = 0; p < size / 4; ++p) image.pixels[p] = image.pixels[4 * p];
    image.pixels.resize(size / 4);
  }
  return image;
}

}  // namespace

Image decode_image(std::string_view bytes, const std::string& origin) {
  if (bytes.starts_with("\xFF\xD8")) return decode_jpeg(bytes, origin);
  if (bytes.starts_with("\x89PNG")) return decode_png(bytes, origin);
  fail("'{}' is neither a JPEG nor a PNG file", origin);
}

Image read_image(const std::string& path) { return decode_image(read_file(path, std::uint64_t{1} << 30), path); }

}  // namespace bitsieve
