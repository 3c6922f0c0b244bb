#!/usr/bin/env python3
"""Writes pillow_vectors.h: what Pillow makes of pictures that image_test.cc makes too or finds in the header.

Run with Pillow 9.4 on libjpeg-turbo 2.1: python3 make_pillow_vectors.py > pillow_vectors.h
"""
import io
import zlib

import numpy as np
from PIL import Image

RESIZES = [  # channels, height, width -> height, width
    (1, 28, 28, 32, 32), (1, 28, 28, 14, 14), (3, 32, 32, 28, 28), (3, 33, 47, 17, 91), (3, 1, 1, 5, 7),
    (1, 37, 53, 1, 1), (3, 64, 48, 64, 13), (3, 64, 48, 13, 48), (1, 5, 200, 200, 5), (3, 100, 75, 256, 192),
    (3, 201, 301, 67, 100), (1, 2, 3, 3, 2), (3, 13, 17, 13, 17),
]


def noise(seed, count):
    """A linear congruential generator that C++ repeats in one line."""
    out = np.empty(count, np.uint8)
    for i in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        out[i] = seed >> 24
    return out


def picture(seed, channels, height, width):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Image.fromarray(noise(seed, height * width * channels).reshape(shape))


def smooth(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 7 % 256, y * 11 % 256, (x * y) % 256], -1).astype(np.uint8))


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def files():
    rgb, gray = smooth(19, 33), smooth(9, 17).convert("L")
    yield "jpeg_420", encode(rgb, "JPEG", quality=80, subsampling="4:2:0"), "RGB"
    yield "jpeg_444_progressive", encode(rgb, "JPEG", quality=60, subsampling="4:4:4", progressive=True), "RGB"
    yield "jpeg_422", encode(rgb, "JPEG", quality=80, subsampling="4:2:2"), "RGB"
    yield "jpeg_gray", encode(gray, "JPEG", quality=80), "L"
    yield "jpeg_cmyk", encode(smooth(4, 4).convert("CMYK"), "JPEG", quality=50), ""
    alpha = Image.fromarray(noise(3, 63).reshape(7, 9))
    small, small_gray = smooth(7, 9), smooth(7, 9).convert("L")
    yield "png_rgb", encode(small, "PNG"), "RGB"
    yield "png_rgba", encode(Image.merge("RGBA", (*small.split(), alpha)), "PNG"), "RGB"
    yield "png_gray", encode(small_gray, "PNG"), "L"
    yield "png_gray_alpha", encode(Image.merge("LA", (small_gray, alpha)), "PNG"), "L"
    yield "png_palette", encode(small.quantize(16), "PNG", transparency=2), "RGB"
    yield "png_1bit", encode(small_gray.convert("1"), "PNG"), "L"
    yield "png_16bit", encode(Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000), "PNG"), ""


def main():
    print("// Written by make_pillow_vectors.py: do not edit.\n// clang-format off\n#pragma once\n#include <cstdint>\n")
    print("namespace bitsieve::testdata {\n")
    print("// The source is noise from `seed`; crc is the CRC-32 of what Pillow's BILINEAR resize makes of it.")
    print("struct ResizeVector {\n  std::uint32_t seed;\n  int channels, height, width, new_height, new_width;")
    print("  std::uint32_t crc;\n  std::uint8_t first, last;\n};\n\nconstexpr ResizeVector resize_vectors[] = {")
    for seed, (channels, height, width, new_height, new_width) in enumerate(RESIZES, 1):
        out = picture(seed, channels, height, width).resize((new_width, new_height), Image.BILINEAR).tobytes()
        print(f"    {{{seed}, {channels}, {height}, {width}, {new_height}, {new_width}, {zlib.crc32(out):#x}, "
              f"{out[0]}, {out[-1]}}},")
    print("};\n\n// Gray of 3 x 50 noise pixels of seed 99.")
    out = picture(99, 3, 3, 50).convert("L").tobytes()
    print(f"constexpr std::uint32_t gray_crc = {zlib.crc32(out):#x};\n")
    print("// A file in hexadecimal, and the size and CRC-32 of its pixels; channels 0: has to be refused.")
    print("struct FileVector {\n  const char* name;\n  const char* hex;\n  int channels, height, width;")
    print("  std::uint32_t crc;\n};\n\nconstexpr FileVector file_vectors[] = {")
    for name, data, mode in files():
        image = Image.open(io.BytesIO(data))
        # Alpha is dropped, not blended: convert() does that for LA, RGBA and palettes.
        pixels = image.convert(mode).tobytes() if mode else b""
        print(f'    {{"{name}",')
        for i in range(0, len(data), 56):
            print(f'     "{data[i:i + 56].hex()}"')
        print(f"     , {len(mode)}, {image.height}, {image.width}, {zlib.crc32(pixels):#x}}},")
    print("};\n\n}  // namespace bitsieve::testdata")


main()
