// JPEG and PNG decoding, equal to Pillow's pixel for pixel.
#pragma once
#include <string>
#include <string_view>

#include "data/image.h"

namespace bitsieve {

// The format is told from the bytes, not the name. Alpha is dropped; gray stays gray. Throws Error naming `origin`.
Image decode_image(std::string_view bytes, const std::string& origin);

Image read_image(const std::string& path);

}  // namespace bitsieve
