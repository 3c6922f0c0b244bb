#include "methods/swis/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/error.h"
#include "methods/swis/decompose.h"
#include "methods/swis/testdata/vectors.h"

namespace bitsieve::swis {
namespace {

using test::Mode;

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

TEST(SwisStream, BytesOfTheSpecification) {
  int checked = 0;
  for (const test::Vector& v : test::vectors) {
    if (v.bits == 0 || std::count(v.q.begin(), v.q.end(), 128) > 0) continue;  // +128 is no weight of ours
    SharedShifts code;
    code.group = code.run = static_cast<std::int64_t>(v.w.size());
    code.consecutive = v.mode == Mode::swis_c;
    code.shifts = {static_cast<std::uint8_t>(v.shifts)};
    code.set = {static_cast<std::uint8_t>(v.set)};
    const std::vector<std::int8_t> q(v.q.begin(), v.q.end());
    EXPECT_EQ(hex(encode_stream(code, q, 1)), v.bytes) << v.name;
    EXPECT_EQ(bits_of_group(code, code.group, v.shifts), v.bits) << v.name;
    ++checked;
  }
  EXPECT_EQ(checked, 14);
}

// Bits per weight of the specification, A.7.
TEST(SwisStream, SizesOfTheFormula) {
  for (const std::int64_t group : {1, 2, 4, 8, 16, 32}) {
    for (int n = 1; n <= 8; ++n) {
      for (const bool consecutive : {false, true}) {
        SharedShifts code;
        code.group = group;
        code.run = 64;
        code.consecutive = consecutive;
        code.shifts = {static_cast<std::uint8_t>(n)};
        const double bits = 1 + n + (consecutive ? 3.0 : 3.0 * n) / static_cast<double>(group);
        const std::int64_t outputs = 8, k = 9 * 64;
        EXPECT_EQ(static_cast<double>(stored_bytes(code, outputs, k)) * 8, bits * static_cast<double>(outputs * k));
      }
    }
  }
  SharedShifts code;  // "up to 3.7x"
  code.group = 16;
  code.run = 64;
  code.shifts = {1};
  EXPECT_NEAR(8.0 * 4096 / (8.0 * static_cast<double>(stored_bytes(code, 64, 64))), 3.657, 0.001);
}

struct Layer {
  SharedShifts code;
  std::vector<std::int8_t> weights;
  std::int64_t outputs, k;
};

Layer random_layer(std::mt19937& random) {
  Layer layer;
  const std::int64_t runs = 1 + random() % 4, run = 1 + random() % 40;
  layer.outputs = 1 + random() % 20;
  layer.k = runs * run;
  SharedShifts& code = layer.code;
  code.group = 1 << random() % 6;
  code.run = run;
  code.consecutive = random() % 2 == 0;
  const int kind = static_cast<int>(random() % 3);
  if (kind == 0) code.one_group = true, code.group = 0, code.run = 0;
  if (kind == 1) {
    code.columns = 1 + random() % 8;
    code.filter.resize(static_cast<std::size_t>(layer.outputs));
    std::iota(code.filter.begin(), code.filter.end(), 0u);
    std::shuffle(code.filter.begin(), code.filter.end(), random);
  }
  for (std::int64_t b = 0; b < filter_blocks(code, layer.outputs); ++b)
    code.shifts.push_back(static_cast<std::uint8_t>(1 + random() % 8));
  std::vector<std::int8_t> w(static_cast<std::size_t>(layer.outputs * layer.k));
  for (std::int8_t& x : w) x = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
  if (code.one_group) {
    const unsigned set = code.consecutive ? 1u << (8 - code.shifts[0]) : 1u;
    const unsigned byte = code.consecutive ? ((1u << code.shifts[0]) - 1) * set : (1u << code.shifts[0]) - 1;
    code.set = {static_cast<std::uint8_t>(byte)};
    for (std::int8_t& x : w) {
      const int u = std::abs(int{x}) & static_cast<int>(byte);
      x = static_cast<std::int8_t>(x < 0 ? -u : u);
    }
    layer.weights = w;
    return layer;
  }
  Search search;
  search.consecutive = code.consecutive;
  const LayerResult result = decompose_layer(w.data(), {layer.outputs, layer.k, code.run, code.group}, search,
                                             shifts_of_filters(code, layer.outputs), 1);
  code.set = result.set;
  layer.weights = result.q;
  return layer;
}

// What the reader knows before it has seen the stream.
SharedShifts header_of(const SharedShifts& code) {
  SharedShifts header = code;
  header.set.clear();
  header.filter.clear();
  if (is_scheduled(code)) header.shifts.clear();
  return header;
}

TEST(SwisStream, ComesBackWholeForAnyLayer) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 500; ++trial) {
    const Layer layer = random_layer(random);
    const std::string bytes = encode_stream(layer.code, layer.weights, layer.outputs);
    EXPECT_EQ(static_cast<std::int64_t>(bytes.size()), stored_bytes(layer.code, layer.outputs, layer.k));
    SharedShifts code = header_of(layer.code);
    EXPECT_EQ(decode_stream(bytes, is_scheduled(layer.code), code, layer.outputs, layer.k), layer.weights);
    EXPECT_EQ(code, layer.code);
  }
}

// A damaged stream is refused, or it is another stream that is written in just that way.
TEST(SwisStream, EveryStreamHasOneMeaningAndEveryMeaningOneStream) {
  std::mt19937 random(2);
  int refused = 0, taken = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Layer layer = random_layer(random);
    const std::string bytes = encode_stream(layer.code, layer.weights, layer.outputs);
    for (int damage = 0; damage < 30; ++damage) {
      std::string other = bytes;
      other[random() % other.size()] ^= static_cast<char>(1 << random() % 8);
      if (damage == 0) other.pop_back();
      SharedShifts code = header_of(layer.code);
      try {
        const auto weights = decode_stream(other, is_scheduled(layer.code), code, layer.outputs, layer.k);
        EXPECT_EQ(encode_stream(code, weights, layer.outputs), other);
        EXPECT_GT(damage, 0);
        ++taken;
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(taken, 500);
}

TEST(SwisStream, Plus128IsRefused) {
  SharedShifts code;
  code.group = code.run = 1;
  code.shifts = {1};
  code.set = {0x80};
  std::string bytes = encode_stream(code, std::vector<std::int8_t>{-128}, 1);
  SharedShifts header = header_of(code);
  EXPECT_EQ(decode_stream(bytes, false, header, 1, 1), std::vector<std::int8_t>{-128});
  bytes[0] = static_cast<char>(bytes[0] & ~1);  // without the sign
  header = header_of(code);
  EXPECT_THROW(decode_stream(bytes, false, header, 1, 1), Error);
}

}  // namespace
}  // namespace bitsieve::swis
