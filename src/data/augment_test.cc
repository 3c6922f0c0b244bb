#include "data/augment.h"

#include <cmath>
#include <set>

#include "base/parallel.h"
#include "data/resize.h"
#include "data/test_support.h"

namespace bitsieve {
namespace {

// The bytes themselves, channels as they come.
Preprocessing bytes_of(int height, int width) {
  Preprocessing p;
  p.height = height;
  p.width = width;
  p.scale = 1;
  return p;
}

std::vector<float> draw_of(const Image& image, const Preprocessing& p, std::uint64_t draw, std::uint64_t seed = 1) {
  std::vector<float> out(static_cast<std::size_t>(p.height * p.width * p.channel_count()));
  preprocess_augmented(image, p, seed, draw, out.data());
  return out;
}

// Pixel (y, x), channel c, of the picture in black surroundings.
float padded(const Image& image, int y, int x, int c) {
  if (y < 0 || x < 0 || y >= image.height || x >= image.width) return 0;
  return image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)];
}

// (top, left, mirrored) such that `out` is that part of the picture; nothing when there is none, or several.
std::vector<int> place(const Image& image, int height, int width, int padding, const std::vector<float>& out) {
  std::vector<int> found;
  for (int top = -padding; top + height <= image.height + padding; ++top) {
    for (int left = -padding; left + width <= image.width + padding; ++left) {
      for (int mirrored = 0; mirrored < 2; ++mirrored) {
        bool same = true;
        for (int y = 0; y < height && same; ++y) {
          for (int x = 0; x < width && same; ++x) {
            for (int c = 0; c < 3; ++c) {
              same = same && out[static_cast<std::size_t>((y * width + x) * 3 + c)] ==
                                 padded(image, top + y, left + (mirrored ? width - 1 - x : x), c);
            }
          }
        }
        if (!same) continue;
        if (!found.empty()) return {};
        found = {top, left, mirrored};
      }
    }
  }
  return found;
}

TEST(Augment, CutsAnywhereOutOfThePaddedPictureAndMirrors) {
  const Image image = noise_image(3, 3, 32, 32);
  std::set<std::vector<int>> places;
  int mirrored = 0;
  for (std::uint64_t draw = 0; draw < 2000; ++draw) {
    const std::vector<int> at = place(image, 32, 32, 4, draw_of(image, bytes_of(32, 32), draw));
    ASSERT_EQ(at.size(), 3u) << draw;
    places.insert(at);
    mirrored += at[2];
  }
  EXPECT_EQ(places.size(),
            9u * 9 * 2);  // all of them; one is missed with a probability of 162 (161 / 162)^2000 < 0.001
  EXPECT_NEAR(mirrored, 1000, 100);
}

TEST(Augment, LargerPicturesAreNotPadded) {
  const Image image = noise_image(4, 3, 12, 9);
  Preprocessing p = bytes_of(8, 8);
  p.crop = CropRule::center;
  std::set<std::vector<int>> places;
  for (std::uint64_t draw = 0; draw < 300; ++draw) places.insert(place(image, 8, 8, 0, draw_of(image, p, draw)));
  EXPECT_EQ(places.size(), 5u * 2 * 2);
  EXPECT_FALSE(places.contains({}));
}

TEST(Augment, ResizedPicturesAreCutOutOfALargerOne) {
  const Image image = noise_image(5, 3, 40, 60);
  const struct {
    ResizeRule rule;
    int shorter, height, width;  // of the larger picture
  } cases[] = {{ResizeRule::exact, 0, 32, 32}, {ResizeRule::shorter, 28, 32, 48}, {ResizeRule::shorter, 36, 36, 54}};
  for (const auto& c : cases) {
    Preprocessing p = bytes_of(28, 28);
    p.resize = c.rule;
    p.shorter = c.shorter;
    p.crop = CropRule::center;
    const Image larger = resize_bilinear(image, c.height, c.width);
    std::set<std::vector<int>> places;
    for (std::uint64_t draw = 0; draw < 50; ++draw) places.insert(place(larger, 28, 28, 0, draw_of(image, p, draw)));
    EXPECT_FALSE(places.contains({})) << c.height;
    EXPECT_GT(places.size(), 30u);
  }
}

TEST(Augment, DependsOnSeedAndDrawAlone) {
  const Image image = noise_image(6, 3, 32, 32);
  const Preprocessing p = bytes_of(32, 32);
  std::vector<std::vector<float>> one(40), four(40);
  parallel_for(40, 1, [&](std::int64_t i, int) {
    one[static_cast<std::size_t>(i)] = draw_of(image, p, static_cast<std::uint64_t>(i));
  });
  parallel_for(40, 4, [&](std::int64_t i, int) {
    four[static_cast<std::size_t>(i)] = draw_of(image, p, static_cast<std::uint64_t>(i));
  });
  EXPECT_EQ(one, four);
  int same = 0;
  for (std::uint64_t draw = 0; draw < 40; ++draw) same += draw_of(image, p, draw, 2) == one[draw];
  EXPECT_LT(same, 5);
}

TEST(Augment, ValuesAndChannelsAreThoseOfPreprocess) {
  Image image{8, 8, 3, {}};
  for (int i = 0; i < 64; ++i) image.pixels.insert(image.pixels.end(), {10, 20, 30});
  Preprocessing p;
  p.height = p.width = 7;
  p.crop = CropRule::center;
  p.mean = {0.1f, 0.2f, 0.3f};
  p.std = {0.5f, 0.6f, 0.7f};
  for (const ChannelOrder order : {ChannelOrder::rgb, ChannelOrder::bgr, ChannelOrder::gray}) {
    p.channels = order;
    if (order == ChannelOrder::gray) p.mean = p.std = {0.5f};
    std::vector<float> plain(static_cast<std::size_t>(49 * p.channel_count()));
    preprocess(image, p, plain.data());
    EXPECT_EQ(draw_of(image, p, 0), plain);  // every part of the picture is the same
  }
}

TEST(Augment, ErrorsAreThoseOfPreprocess) {
  const Image image = noise_image(7, 3, 8, 8);
  std::vector<float> out(3 * 32 * 32);
  const auto error = [&](const Image& source, const Preprocessing& p) {
    return message_of([&] { preprocess_augmented(source, p, 1, 0, out.data()); });
  };
  EXPECT_EQ(error(image, bytes_of(9, 9)), "image is 8x8, the network wants 9x9: set resize in the --preprocess file");
  EXPECT_EQ(error({8, 8, 3, {}}, bytes_of(8, 8)), "the image is 8x8 with 3 channels and 0 bytes");
  Preprocessing p;
  p.resize = ResizeRule::shorter;
  p.shorter = 4;
  EXPECT_EQ(error(image, p), "augmenting pictures that are resized needs size in the --preprocess file");
}

}  // namespace
}  // namespace bitsieve
