// libFuzzer target: any bytes are an Error, or a picture, array or preprocessing that can be used. The first byte
// chooses the parser. Built with -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the files of tests/fuzz/data.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "data/gzip.h"
#include "data/image_file.h"
#include "data/preprocess.h"
#include "tensor/npy.h"

namespace {

using namespace bitsieve;

void read_picture(std::string_view bytes) {
  const Image image = decode_image(bytes, "fuzz");
  if (image.pixels.size() !=
      static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width * image.channels))
    std::abort();
}

void read_preprocessing(std::string_view bytes) {
  const Preprocessing p = parse_preprocessing(bytes, "fuzz");
  if (!(parse_preprocessing(p.to_toml(), "fuzz") == p)) std::abort();
  const Image image{5, 7, 3, std::vector<std::uint8_t>(5 * 7 * 3, 100)};
  if (p.height > 64 || p.width > 64 || p.shorter > 64 || p.height == 0) return;  // large ones are allowed, and slow
  std::vector<float> out(static_cast<std::size_t>(p.height * p.width * p.channel_count()));
  preprocess(image, p, out.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        read_picture(bytes);
        break;
      case 1:
        parse_npy(bytes, "fuzz");
        break;
      case 2:
        read_preprocessing(bytes);
        break;
      case 3:
        inflate_gzip(
            bytes, 4, [](std::string_view header) { return 4 + static_cast<unsigned char>(header[0]); }, "fuzz");
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
