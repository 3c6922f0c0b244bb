#include "data/image_file.h"
#include "data/resize.h"
#include "data/test_support.h"
#include "data/testdata/pillow_vectors.h"

namespace bitsieve {
namespace {

std::string file_named(const std::string& name) {
  for (const auto& v : testdata::file_vectors) {
    if (v.name == name) return from_hex(v.hex);
  }
  return {};
}

TEST(Resize, EqualsPillow) {
  for (const auto& v : testdata::resize_vectors) {
    const Image out = resize_bilinear(noise_image(v.seed, v.channels, v.height, v.width), v.new_height, v.new_width);
    EXPECT_EQ(out.height, v.new_height);
    EXPECT_EQ(out.width, v.new_width);
    EXPECT_EQ(out.pixels.front(), v.first) << v.seed;
    EXPECT_EQ(out.pixels.back(), v.last) << v.seed;
    EXPECT_EQ(crc_of(out), v.crc) << v.seed;
  }
}

TEST(Resize, RefusesWhatCannotBe) {
  const Image image = noise_image(1, 1, 2, 3);
  EXPECT_EQ(message_of([&] { resize_bilinear(image, 0, 4); }), "cannot resize 2x3 to 0x4 (height x width)");
  EXPECT_EQ(message_of([&] { resize_bilinear(image, 65536, 65536); }),
            "cannot resize 2x3 to 65536x65536 (height x width)");
}

TEST(ImageFile, EqualsPillow) {
  for (const auto& v : testdata::file_vectors) {
    if (v.channels == 0) continue;
    const Image image = decode_image(from_hex(v.hex), v.name);
    EXPECT_EQ(image.channels, v.channels) << v.name;
    EXPECT_EQ(image.height, v.height) << v.name;
    EXPECT_EQ(image.width, v.width) << v.name;
    EXPECT_EQ(crc_of(image), v.crc) << v.name;
  }
}

TEST(ImageFile, RefusesOtherFormats) {
  const auto decode = [](const std::string& name) { return message_of([&] { decode_image(file_named(name), "f"); }); };
  EXPECT_EQ(decode("jpeg_cmyk"), "'f' is a CMYK JPEG; convert it to RGB");
  EXPECT_EQ(decode("png_16bit"), "'f' is a 16-bit PNG; convert it to 8 bits");
  EXPECT_EQ(message_of([] { decode_image("GIF89a", "f"); }), "'f' is neither a JPEG nor a PNG file");
  EXPECT_EQ(message_of([] { decode_image("", "f"); }), "'f' is neither a JPEG nor a PNG file");
}

TEST(ImageFile, TruncatedAnywhereIsAnError) {
  for (const char* name : {"jpeg_420", "jpeg_444_progressive", "jpeg_gray", "png_rgb", "png_palette"}) {
    const std::string bytes = file_named(name);
    const bool jpeg = name[0] == 'j';
    // The last two bytes of a JPEG are its end marker, the last 12 of a PNG its end chunk: pixels need neither.
    for (std::size_t length = 0; length + (jpeg ? 2 : 12) < bytes.size(); length += 7) {
      const std::string message = message_of([&] { decode_image(bytes.substr(0, length), "f"); });
      EXPECT_TRUE(message.starts_with("'f' is ")) << name << " cut to " << length << ": " << message;
      EXPECT_EQ(message.find('\n'), std::string::npos);
    }
  }
}

TEST(ImageFile, DamageNeverDoesMoreThanThrow) {
  for (const auto& v : testdata::file_vectors) {
    const std::string good = from_hex(v.hex);
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x55);
      message_of([&] { decode_image(bad, "f"); });
    }
  }
}

// The picture with another height and width in its header.
std::string png_of_side(const std::string& name, std::uint32_t side) {
  std::string png = file_named(name);
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) png[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  put(16, side);
  put(20, side);
  put(29, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(png.data()) + 12, 17)));
  return png;
}

std::string jpeg_of_side(std::uint16_t side) {
  std::string jpeg = file_named("jpeg_gray");
  const std::size_t frame = jpeg.find("\xFF\xC0");
  for (const std::size_t at : {frame + 5, frame + 7}) {
    jpeg[at] = static_cast<char>(side >> 8);
    jpeg[at + 1] = static_cast<char>(side);
  }
  return jpeg;
}

TEST(ImageFile, HugeExtentsAreRefusedBeforeAllocation) {
  EXPECT_EQ(message_of([&] { decode_image(jpeg_of_side(65500), "f"); }),
            "'f' is 65500x65500 (height x width); at most 67108864 pixels are accepted");
  EXPECT_EQ(message_of([&] { decode_image(png_of_side("png_rgb", 65536), "f"); }),
            "'f' is 65536x65536 (height x width); at most 67108864 pixels are accepted");
}

TEST(ImageFile, ExtentsBeyondTheFileAreRefusedBeforeAllocation) {
  const auto expect = [](const std::string& bytes) {
    EXPECT_EQ(message_of([&] { decode_image(bytes, "f"); }),
              fmt::format("'f' is 8192x8192 (height x width), more than its {} bytes can hold", bytes.size()));
  };
  expect(jpeg_of_side(8192));
  for (const char* name : {"png_rgb", "png_palette"}) expect(png_of_side(name, 8192));
}

}  // namespace
}  // namespace bitsieve
