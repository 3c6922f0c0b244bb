#include "data/preprocess.h"

#include "data/resize.h"
#include "data/test_support.h"
#include "data/testdata/pillow_vectors.h"

namespace bitsieve {
namespace {

std::string parse_error(const std::string& body) {
  return message_of([&] { parse_preprocessing("[input]\n" + body, "p.toml"); });
}

TEST(PreprocessToml, ReadsEveryKey) {
  const Preprocessing p = parse_preprocessing(
      "[input]\nsize = [224, 192]\nresize = \"shorter:256\"\ncrop = \"center\"\nchannels = \"BGR\"\n"
      "scale = 1\nmean = [0.485, 0.456, 0.406]\nstd = 0.5\n",
      "p.toml");
  EXPECT_EQ(p.height, 224);
  EXPECT_EQ(p.width, 192);
  EXPECT_EQ(p.resize, ResizeRule::shorter);
  EXPECT_EQ(p.shorter, 256);
  EXPECT_EQ(p.crop, CropRule::center);
  EXPECT_EQ(p.channels, ChannelOrder::bgr);
  EXPECT_EQ(p.scale, 1.0f);
  EXPECT_EQ(p.mean, (std::vector<float>{0.485f, 0.456f, 0.406f}));
  EXPECT_EQ(p.std, std::vector<float>{0.5f});
  EXPECT_EQ(parse_preprocessing("[input]\n", "p.toml"), Preprocessing{});
}

TEST(PreprocessToml, RoundTripIsExact) {
  Preprocessing p;
  EXPECT_EQ(parse_preprocessing(p.to_toml(), "p"), p);
  p = {28, 30, ResizeRule::exact, 0, CropRule::none, ChannelOrder::gray, 1e-7f, {-1e20f}, {0.3530f}};
  EXPECT_EQ(parse_preprocessing(p.to_toml(), "p"), p);
  p = {0, 0, ResizeRule::shorter, 17, CropRule::none, ChannelOrder::bgr, 1, {1, 2, 3.3f}, {1e-38f * 2, 1, 0.1f}};
  EXPECT_EQ(parse_preprocessing(p.to_toml(), "p"), p);
}

TEST(PreprocessToml, ErrorsSayWhatIsAllowed) {
  EXPECT_EQ(parse_error("sise = 3"),
            "'p.toml': unknown key 'input.sise'; allowed are size, resize, crop, channels, scale, mean, std");
  EXPECT_EQ(parse_error("[output]"), "'p.toml': unknown key 'output'; the only table is [input]");
  EXPECT_EQ(message_of([] { parse_preprocessing("", "p.toml"); }), "'p.toml' has no table [input]");
  EXPECT_EQ(message_of([] { parse_preprocessing("input = 1", "p.toml"); }), "'p.toml': input must be a table");
  EXPECT_EQ(parse_error("size = [0, 1]"), "'p.toml': size must be [height, width], each 1 to 65536");
  EXPECT_EQ(parse_error("size = 224"), "'p.toml': size must be [height, width], each 1 to 65536");
  EXPECT_EQ(parse_error("size = [65536, 65536]"), "'p.toml': size is too large");
  for (const char* value :
       {"\"bicubic\"", "\"shorter:\"", "\"shorter:0\"", "\"shorter:12x\"", "\"shorter:99999999999\"", "1"}) {
    EXPECT_EQ(parse_error(std::string("resize = ") + value),
              "'p.toml': resize must be \"none\", \"exact\" or \"shorter:N\" with N from 1 to 65536");
  }
  EXPECT_EQ(parse_error("crop = \"left\""), "'p.toml': crop must be \"none\" or \"center\"");
  EXPECT_EQ(parse_error("channels = \"rgb\""), "'p.toml': channels must be \"RGB\" or \"BGR\" or \"gray\"");
  EXPECT_EQ(parse_error("scale = \"1\""), "'p.toml': scale must be a number");
  EXPECT_EQ(parse_error("scale = inf"), "'p.toml': scale must be a number");
  EXPECT_EQ(parse_error("scale = 1e300"), "'p.toml': scale must be a number");
  EXPECT_EQ(parse_error("mean = [1, 2]"), "'p.toml': mean must be one number or a list of one or three numbers");
  EXPECT_EQ(parse_error("mean = [1, 2, true]"), "'p.toml': mean must be one number or a list of one or three numbers");
  EXPECT_EQ(parse_error("std = [1, 0, 1]"), "'p.toml': std must be above 0");
  EXPECT_EQ(parse_error("channels = \"gray\"\nstd = [1, 1, 1]"), "'p.toml': std has 3 values, there is one channel");
  EXPECT_EQ(parse_error("resize = \"exact\""), "'p.toml': resize = \"exact\" needs size");
  EXPECT_EQ(parse_error("crop = \"center\""), "'p.toml': crop = \"center\" needs size");
  const std::string syntax = parse_error("size = [");
  EXPECT_TRUE(syntax.starts_with("'p.toml' line 2: ")) << syntax;
  EXPECT_EQ(syntax.find('\n'), std::string::npos);
}

TEST(Preprocess, ArithmeticIsFloat32InTheOrderStated) {
  const Image image = noise_image(5, 3, 4, 6);
  Preprocessing p;
  p.mean = {0.485f, 0.456f, 0.406f};
  p.std = {0.229f, 0.224f, 0.225f};
  for (const ChannelOrder order : {ChannelOrder::rgb, ChannelOrder::bgr}) {
    p.channels = order;
    std::vector<float> out(image.pixels.size());
    preprocess(image, p, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t c = i % 3, from = order == ChannelOrder::bgr ? i - c + 2 - c : i;
      volatile float value = static_cast<float>(image.pixels[from]) * p.scale;
      value = value - p.mean[c];
      value = value / p.std[c];
      EXPECT_EQ(out[i], value);
    }
  }
}

TEST(Preprocess, GrayBothWays) {
  Preprocessing p;
  p.scale = 1;
  std::vector<float> tripled(6);
  preprocess(Image{1, 2, 1, {7, 200}}, p, tripled.data());
  EXPECT_EQ(tripled, (std::vector<float>{7, 7, 7, 200, 200, 200}));
  p.channels = ChannelOrder::gray;
  std::vector<float> gray(150);
  preprocess(noise_image(99, 3, 3, 50), p, gray.data());
  Image bytes{3, 50, 1, std::vector<std::uint8_t>(gray.begin(), gray.end())};
  EXPECT_EQ(crc_of(bytes), testdata::gray_crc);
}

TEST(Preprocess, ShorterThenCenterCrop) {
  Preprocessing p{8, 8, ResizeRule::shorter, 11, CropRule::center, ChannelOrder::gray, 1, {0}, {1}};
  const Image image = noise_image(6, 1, 20, 31);
  std::vector<float> out(64);
  preprocess(image, p, out.data());
  const Image resized = resize_bilinear(image, 11, 17);
  // Margins 1.5 and 4.5 go to the even neighbours 2 and 4.
  for (std::size_t y = 0; y < 8; ++y) {
    for (std::size_t x = 0; x < 8; ++x) EXPECT_EQ(out[y * 8 + x], resized.pixels[(y + 2) * 17 + x + 4]);
  }
}

TEST(Preprocess, WrongSizesAreNamed) {
  Preprocessing p;
  p.height = p.width = 28;
  std::vector<float> out(28 * 28 * 3);
  EXPECT_EQ(message_of([&] { preprocess(noise_image(1, 3, 32, 32), p, out.data()); }),
            "image is 32x32, the network wants 28x28: set resize or crop in the --preprocess file");
  EXPECT_EQ(message_of([&] { preprocess(noise_image(1, 3, 20, 32), p, out.data()); }),
            "image is 20x32, the network wants 28x28: set resize in the --preprocess file");
  p.resize = ResizeRule::exact;
  EXPECT_EQ(message_of([&] { preprocess(noise_image(1, 3, 20, 32), p, out.data()); }), "(no error)");
  p.resize = ResizeRule::shorter;
  p.shorter = 60000;
  EXPECT_EQ(message_of([&] { preprocess(noise_image(1, 1, 1, 5000), p, out.data()); }),
            "cannot resize 1x5000 to a shorter side of 60000");
  EXPECT_EQ(message_of([&] {
              preprocess(Image{2, 2, 3, {1}}, p, out.data());
            }),
            "the image is 2x2 with 3 channels and 1 bytes");
}

}  // namespace
}  // namespace bitsieve
