// The reader in one C file (c/bsv_reader.c) and the C++ reader: the same integers, whatever the code and the damage.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <random>

#include "base/error.h"
#include "compress/quantize.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "pack/sample_model.h"
#include "pack/test_support.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "test_support.h"

namespace bitsieve {
namespace {

const std::string& sample() {
  static const std::string bytes = write_bsv(pack::SampleModel().packed());
  return bytes;
}

void expect_same(const std::string& bytes) {
  const CLayers c = read_with_c(bytes);
  const std::vector<IntegerLayer> layers = layers_of(read_bsv(bytes, "test").model);
  EXPECT_EQ(c.error, "");
  ASSERT_EQ(c.layers.size(), layers.size());
  ASSERT_GT(layers.size(), 0u);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(c.layers[i].name, layers[i].name);
    EXPECT_EQ(c.layers[i].outputs, layers[i].outputs) << layers[i].name;
    EXPECT_EQ(c.layers[i].k, layers[i].k) << layers[i].name;
    EXPECT_EQ(c.layers[i].weights, layers[i].weights) << layers[i].name;
    EXPECT_EQ(c.layers[i].scales, layers[i].scales) << layers[i].name;
    EXPECT_EQ(c.layers[i].biases, layers[i].biases) << layers[i].name;
    EXPECT_EQ(c.layers[i].shifts, layers[i].shifts) << layers[i].name;
  }
}

TEST(CReader, ReadsTheSample) { expect_same(sample()); }

// The bytes of docs/format.md.
TEST(CReader, ReadsTheExamplesOfTheFormat) {
  const std::uint8_t numbers[] = {0xf1, 0x87}, shifts[] = {0xd2, 0x71, 0x00};
  std::int8_t weights[4];
  bsv_layer layer{};
  layer.outputs = 1;
  layer.k = 4;
  layer.bits = 4;
  layer.stored = numbers;
  layer.stored_size = sizeof(numbers);
  ASSERT_EQ(bsv_decode(&layer, weights), nullptr);
  EXPECT_EQ(std::vector(weights, weights + 4), (std::vector<std::int8_t>{1, -1, 7, -8}));
  layer.shared = 1;
  layer.group = layer.run = 4;
  layer.shifts = 2;
  layer.columns = 1;
  layer.stored = shifts;
  layer.stored_size = sizeof(shifts);
  ASSERT_EQ(bsv_decode(&layer, weights), nullptr);
  EXPECT_EQ(std::vector(weights, weights + 4), (std::vector<std::int8_t>{96, -32, 0, 0}));
}

TEST(CReader, ReadsEveryCode) {
  Graph graph = load_onnx(BITSIEVE_MODELS "/fashion-resnet14.onnx");
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  const Calibration calibration = calibrate(float_model(graph), 4, 2, [](std::int64_t index, std::span<float> out) {
    std::mt19937 random(static_cast<unsigned>(index));
    for (float& x : out) x = static_cast<float>(random() % 1000) / 500 - 1;
  });
  for (const char* weights : {"int8", "int4-mse", "int3", "swis-n3-m4", "swisc-n2-m8", "swis-n2.5-m4-any", "swis-n1-m1",
                              "swis-n3-m32-flat", "trunc-n4", "trunc-n4-floor", "static-n3"}) {
    for (const char* activations : {"int8", "sparq-5opt-round"}) {
      for (const FirstLast first_last : {FirstLast::same, FirstLast::keep_float}) {
        SCOPED_TRACE(std::string(weights) + " " + activations);
        Recipe recipe;
        recipe.layers = {weights, activations};
        recipe.first_last = first_last;
        PackedModel packed;
        packed.model = quantize(graph, calibration, recipe).model;
        expect_same(write_bsv(packed));
      }
    }
  }
}

// Forms that the embedded network does not have: groups that do not divide runs, runs within a filter, blocks that end
// inside a byte. On the first layer of the sample, 4 filters of 36 weights.
TEST(CReader, ReadsEveryFormOfSharedShifts) {
  std::mt19937 random(3);
  const auto below = [&](unsigned n) { return static_cast<std::int64_t>(random() % n); };
  constexpr std::int64_t outputs = 4, k = 36;
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    PackedModel packed = pack::SampleModel().packed();
    LayerCode& layer = packed.model.layers[0];
    layer.weight_bits = 8;
    SharedShifts& code = layer.shifts = {};
    code.consecutive = below(2) == 1;
    code.one_group = below(6) == 0;
    const auto some_shifts = [&] { return static_cast<std::uint8_t>(1 + below(8)); };
    code.shifts = {some_shifts()};
    if (!code.one_group) {
      constexpr std::int64_t runs[] = {1, 2, 3, 4, 9, 12, 36};
      code.group = std::int64_t{1} << below(6);
      code.run = runs[below(std::size(runs))];
      if (below(2) == 1) {
        code.columns = 1 + below(5);
        while (std::ssize(code.shifts) < filter_blocks(code, outputs)) code.shifts.push_back(some_shifts());
        code.filter = {0, 1, 2, 3};
        std::shuffle(code.filter.begin(), code.filter.end(), random);
      }
    }
    const std::vector<std::uint8_t> shifts = shifts_of_filters(code, outputs);
    const std::int64_t groups = code.one_group ? 1 : outputs * groups_of_filter(code, k);
    for (std::int64_t g = 0; g < groups; ++g) {
      const int n = shifts[static_cast<std::size_t>(code.one_group ? 0 : g / groups_of_filter(code, k))];
      unsigned set = ((1u << n) - 1) << below(static_cast<unsigned>(9 - n));
      while (!code.consecutive && below(8) != 0) {  // any others of as many
        set = static_cast<unsigned>(below(256));
        while (std::popcount(set) > n) set &= set - 1;
        while (std::popcount(set) < n) set |= set + 1;
      }
      code.set.push_back(static_cast<std::uint8_t>(set));
    }
    for (std::int64_t i = 0; i < outputs * k; ++i) {
      const std::int64_t per_run = code.one_group ? 1 : (code.run + code.group - 1) / code.group;
      const std::int64_t group = code.one_group ? 0 : i / code.run * per_run + i % code.run / code.group;
      const int magnitude = static_cast<int>(below(256)) & code.set[static_cast<std::size_t>(group)];
      const bool negative = magnitude == 128 || below(2) == 1;
      layer.weight.edit()[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(magnitude > 128 ? 0
                                                                                  : negative      ? -magnitude
                                                                                                  : magnitude);
    }
    expect_same(write_bsv(packed));
    if (HasFailure()) return;
  }
}

// What it refuses, by the words of the error: the sanitizers would see no more than a part of these.
TEST(CReader, Messages) {
  const auto changed = [](std::size_t at, std::vector<int> bytes) {
    std::string file = sample();
    for (const int byte : bytes) file.at(at++) = static_cast<char>(byte);
    return read_with_c(file).error;
  };
  EXPECT_EQ(changed(pack::at_version, {1}), "not version 2 of the format");
  EXPECT_EQ(changed(pack::at_header_length, {68}), "the length of the header is wrong");
  EXPECT_EQ(changed(pack::at_section_count, {255}), "the table of sections does not fit");
  EXPECT_EQ(changed(pack::at_section_count, {6}), "a section is missing, or bytes follow the last one");
  const std::size_t entry = pack::header_bytes + pack::entry_bytes + pack::at_offset;
  for (const int offset : {0, 1, 0xc0}) EXPECT_EQ(changed(entry, {offset, 0}), "a misplaced section") << offset;
  EXPECT_EQ(changed(entry + 7, {0x80}), "a misplaced section");

  // The layer "depthwise": 4 filters of a weight in blocks of 2.
  const std::size_t form = sample().find("swis-n1.5-m2") + 12 + 4 + 4 + 6;
  ASSERT_EQ(sample().substr(form, 6), std::string("\1\4\2\0\2\0", 6));
  EXPECT_EQ(changed(form, {2}), "a flag, count, operator, form or extent is out of bounds");
  EXPECT_EQ(changed(form, {1, 8}), "unknown flags of shared shifts");
  for (const int group : {0, 3, 64}) EXPECT_EQ(changed(form, {1, 4, group}), "groups of a wrong size") << group;
  EXPECT_EQ(changed(form, {1, 2, 2, 1, 0, 0, 0}), "groups of a wrong size");
  EXPECT_EQ(changed(form, {1, 2, 0, 1, 0, 0, 1}), "runs that do not divide the filters");
  for (const int run : {0, 2}) EXPECT_EQ(changed(form + 6, {run}), "runs that do not divide the filters");
  EXPECT_EQ(changed(form, {1, 4, 2, 1}), "a schedule that cannot be");
  EXPECT_EQ(changed(form, {1, 6, 0, 0, 2, 0, 0}), "a schedule that cannot be");
  EXPECT_EQ(changed(form, {1, 0, 2, 1, 2, 0}), "a schedule that cannot be");
  EXPECT_EQ(changed(form, {1, 4, 2, 0, 0, 0}), "blocks of no filters");
  for (const int shifts : {0, 9}) EXPECT_EQ(changed(form, {1, 0, 2, shifts, 0, 0}), "other than 1 to 8 shifts");
  for (const int bits : {0, 1, 9, 255}) EXPECT_EQ(changed(form - 6, {bits}), "weights of other than 2 to 8 bits");

  const std::size_t size = sample().find(std::string("\7\0\0\0\0\0\0\0\x12", 9));  // of the stream
  const std::size_t stream = size + 8;
  ASSERT_NE(size, std::string::npos);
  EXPECT_EQ(changed(size, {0}), "too few bytes for the weights");
  EXPECT_EQ(changed(size, {1}), "too few bytes for the schedule");
  for (const int bytes : {2, 5, 6}) EXPECT_EQ(changed(size, {bytes}), "too few bytes for the groups") << bytes;
  EXPECT_EQ(changed(size, {8}), "bytes follow the last group");
  EXPECT_EQ(changed(size + 7, {0x80}), "a section ends too early");
  for (const int shifts : {0x10, 0x02, 0x19})
    EXPECT_EQ(changed(stream, {shifts}), "other than 1 to 8 shifts") << shifts;
  for (const int order : {0x00, 0xff})
    EXPECT_EQ(changed(stream + 1, {order}), "the order of filters is no permutation");
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sample()[stream + i]); };
  EXPECT_EQ(changed(stream + 3, {at(3) & ~2}), "positions that do not ascend up to 7");  // 0, 4 become 0, 0
  EXPECT_EQ(changed(stream + 5, {at(5) & ~1}), "a weight outside of -128 to 127");       // -128 becomes 128
}

TEST(CReader, ConsecutivePositionsEndAtSeven) {
  bsv_layer layer{};
  layer.outputs = layer.columns = 1;
  layer.k = layer.group = layer.run = 2;
  layer.shared = layer.consecutive = 1;
  layer.shifts = 2;
  layer.stored_size = 2;
  std::int8_t weights[2];
  for (const int first : {6, 7}) {
    const std::uint8_t stored[] = {static_cast<std::uint8_t>(first << 2 | 0x20), 0};  // the first weight has the lower
    layer.stored = stored;
    const char* error = bsv_decode(&layer, weights);
    EXPECT_EQ(error == nullptr ? "" : std::string(error), first == 6 ? "" : "positions that do not ascend up to 7");
    if (first != 6) continue;
    EXPECT_EQ(weights[0], 64);
    EXPECT_EQ(weights[1], 0);
  }
}

// What the C++ reader takes, behind right checksums, the C reader takes with the same integers. The reverse does not
// hold: the C reader passes over what it does not need. Returns whether each has read the file.
struct Taken {
  int by_both = 0, by_c = 0, by_none = 0;
};

void compare(std::string bytes, Taken& taken) {
  const CLayers c = read_with_c(bytes);
  ASSERT_EQ(c.error.find_first_of("\n\r\x1b"), std::string::npos);
  pack::fix_checksums(bytes);
  try {
    const PackedModel packed = read_bsv(bytes, "damaged.bsv");
    ASSERT_EQ(c.error, "");
    ASSERT_EQ(c.layers, layers_of(packed.model));
    ++taken.by_both;
  } catch (const Error&) {
    ++(c.error.empty() ? taken.by_c : taken.by_none);
  }
}

TEST(CReader, Truncations) {
  for (std::size_t size = 0; size < sample().size(); ++size) {
    std::string bytes = sample().substr(0, size);
    ASSERT_NE(read_with_c(bytes).error, "") << size;
    // And where the header says so, which leads to the checks of the sections.
    if (size < pack::header_bytes) continue;
    const std::uint64_t stated = size;
    std::memcpy(bytes.data() + pack::at_file_size, &stated, sizeof(stated));
    ASSERT_NE(read_with_c(bytes).error, "") << size;
    ASSERT_NE(read_with_c(bytes + std::string(sample().size() - size, '\0')).error, "") << size;
  }
}

TEST(CReader, ChangedBits) {
  Taken taken;
  for (std::size_t at = 0; at < sample().size(); ++at) {
    SCOPED_TRACE(at);
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bytes = sample();
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ 1u << bit);
      compare(bytes, taken);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(taken.by_both, 1000);
  EXPECT_GT(taken.by_c, 1000);
  EXPECT_GT(taken.by_none, 1000);
}

TEST(CReader, HostileNumbers) {
  Taken taken;
  for (std::size_t at = pack::at_version; at + 4 <= sample().size(); ++at) {
    SCOPED_TRACE(at);
    for (const std::uint32_t word :
         {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu, 0x00010000u, 0x40000000u, 0x3fffffffu, 0x00ffffffu}) {
      std::string bytes = sample();
      std::memcpy(bytes.data() + at, &word, sizeof(word));
      compare(bytes, taken);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(taken.by_none, 1000);
}

TEST(CReader, Noise) {
  std::mt19937 random(1);
  Taken taken;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = sample();
    for (int i = 0; i < 1 + round % 20; ++i)
      bytes[pack::at_version + random() % (bytes.size() - pack::at_version)] = static_cast<char>(random());
    compare(bytes, taken);
    if (HasFatalFailure()) return;
  }
}

TEST(CReader, Sections) {
  std::vector<pack::Section> sections;
  for (const pack::SectionView& view : pack::read_container(sample()))
    sections.push_back({view.tag, std::string(view.bytes)});
  for (std::size_t i = 0; i < sections.size(); ++i) {
    std::vector<pack::Section> less = sections, more = sections;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(read_with_c(pack::write_container(less)).error, "") << sections[i].tag;
    more.push_back(sections[i]);
    EXPECT_EQ(read_with_c(pack::write_container(more)).error, "a section is there twice") << sections[i].tag;
  }
  sections.insert(sections.begin() + 3, {"NEXT", "of a later program"});
  std::string bytes = pack::write_container(sections);
  EXPECT_EQ(read_with_c(bytes).error, "an unknown section: the file is of a newer program");
  bytes[pack::header_bytes + 3 * pack::entry_bytes + pack::at_flags] = 1;
  pack::fix_checksums(bytes);
  expect_same(bytes);
}

// As the issue asks: it can be read in one sitting.
TEST(CReader, HasAtMostFourHundredLines) {
  std::ifstream file(BITSIEVE_C_READER);
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) EXPECT_LE(line.size(), 120u) << lines + 1;
  EXPECT_GT(lines, 100);
  EXPECT_LE(lines, 400);
}

}  // namespace
}  // namespace bitsieve
