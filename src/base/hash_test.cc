#include "base/hash.h"

#include <gtest/gtest.h>

namespace bitsieve {
namespace {

// Pairs of content and hash as xxhsum 0.8.1 prints them (xxhsum -H2), over the code paths of XXH3: empty, 1 to 3, 4 to
// 8, 9 to 16, 17 to 128, 129 to 240 and more bytes.
TEST(Hash, EqualsXxhsum) {
  const auto repeated = [](std::size_t n) {
    std::string text;
    while (text.size() < n) text += "bitsieve.";
    return text.substr(0, n);
  };
  const std::pair<std::size_t, const char*> expected[] = {
      {0, "99aa06d3014798d86001c324468d497f"},    {1, "4b2212e31ac97fd4575a0b1c44d8843f"},
      {5, "b29e8781168553ec49edef2ce0ea0b39"},    {12, "00c7a618515fb775344b97cc0fefaac5"},
      {100, "3305c4324a973992fc0deebbcd16b94d"},  {200, "3493acb8738975a2f7197ff17781f988"},
      {1000, "35e887f0569135fd55d9d9718146654a"}, {5000, "ed2b9436b82782b80fde7316506f01e4"},
  };
  for (const auto& [size, hash] : expected) EXPECT_EQ(content_hash(repeated(size)), hash) << size;
}

TEST(Hash, PiecesMakeNoDifference) {
  std::string bytes;
  for (int i = 0; i < 3000; ++i) bytes += static_cast<char>(i * 7 + i / 256);
  for (const std::size_t piece : {1u, 3u, 64u, 255u, 1024u, 2999u, 3000u}) {
    ContentHash hash;
    for (std::size_t at = 0; at < bytes.size(); at += piece) hash.update(std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(hash.hex(), content_hash(bytes)) << piece;
  }
}

TEST(Hash, DigestIsOfEverythingSoFar) {
  ContentHash hash;
  EXPECT_EQ(hash.hex(), content_hash(""));
  hash.update("ab");
  EXPECT_EQ(hash.hex(), content_hash("ab"));
  hash.update("c");
  EXPECT_EQ(hash.hex(), content_hash("abc"));
}

TEST(Hash, EveryBitCounts) {
  std::string bytes(300, '\0');
  const std::string plain = content_hash(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(1 << bit % 8);
    EXPECT_NE(content_hash(bytes), plain) << bit;
    bytes[bit / 8] = 0;
  }
  EXPECT_NE(content_hash(std::string(301, '\0')), plain);
}

}  // namespace
}  // namespace bitsieve
