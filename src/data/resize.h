// Pillow's antialiased bilinear resize, bit for bit.
#pragma once
#include "data/image.h"

namespace bitsieve {

// Equals PIL.Image.resize((width, height), BILINEAR) for modes L and RGB. Throws Error for an extent below 1 or a
// result above max_image_pixels.
Image resize_bilinear(const Image& image, int height, int width);

}  // namespace bitsieve
