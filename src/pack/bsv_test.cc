// Round trips: what is written comes back bit for bit.
#include "pack/bsv.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "pack/check.h"
#include "pack/container.h"
#include "pack/packed_weights.h"
#include "pack/sample_model.h"

namespace bitsieve {
namespace {

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> result;
  for (const float value : values) result.push_back(std::bit_cast<std::uint32_t>(value));
  return result;
}
std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

void expect_equal(const Attributes& a, const Attributes& b) {
  EXPECT_EQ(a.window.kernel, b.window.kernel);
  EXPECT_EQ(a.window.stride, b.window.stride);
  EXPECT_EQ(a.window.dilation, b.window.dilation);
  EXPECT_EQ(a.window.pad_before, b.window.pad_before);
  EXPECT_EQ(a.window.pad_after, b.window.pad_after);
  EXPECT_EQ(a.window.groups, b.window.groups);
  EXPECT_EQ(a.window.count_include_pad, b.window.count_include_pad);
  EXPECT_EQ(bits({a.alpha, a.beta, a.lo, a.hi, a.epsilon, a.value}),
            bits({b.alpha, b.beta, b.lo, b.hi, b.epsilon, b.value}));
  EXPECT_EQ(a.axis, b.axis);
  EXPECT_EQ(a.keep_dims, b.keep_dims);
  EXPECT_EQ(a.axes, b.axes);
  EXPECT_EQ(a.starts, b.starts);
  EXPECT_EQ(a.ends, b.ends);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.before, b.before);
  EXPECT_EQ(a.after, b.after);
}

void expect_equal(const LayerCode& a, const LayerCode& b) {
  EXPECT_EQ(a.integer, b.integer);
  EXPECT_EQ(a.weight_code, b.weight_code);
  EXPECT_EQ(a.act_code, b.act_code);
  EXPECT_EQ(a.weight_bits, b.weight_bits);
  EXPECT_EQ(a.shifts, b.shifts);
  EXPECT_EQ(a.act_bits, b.act_bits);
  EXPECT_EQ(a.transform.active, b.transform.active);
  EXPECT_EQ(a.transform.pair, b.transform.pair);
  EXPECT_EQ(a.transform.lone, b.transform.lone);
  EXPECT_EQ(a.transform.paired, b.transform.paired);
  EXPECT_EQ(a.transform.two_of_four, b.transform.two_of_four);
  EXPECT_EQ(a.weight, b.weight);
  EXPECT_EQ(bits(a.weight_scale), bits(b.weight_scale));
  EXPECT_EQ(a.bias, b.bias);
  EXPECT_EQ(bits(a.multiplier), bits(b.multiplier));
  EXPECT_EQ(a.operand, b.operand);
  EXPECT_EQ(a.constant, b.constant);
  EXPECT_EQ(a.lo, b.lo);
  EXPECT_EQ(a.hi, b.hi);
  EXPECT_EQ(a.table, b.table);
}

TEST(Bsv, EveryFieldComesBack) {
  const PackedModel before = pack::SampleModel().packed();
  const PackedModel after = read_bsv(write_bsv(before), "test");
  EXPECT_EQ(before.preprocessing, after.preprocessing);
  EXPECT_EQ(before.recipe_toml, after.recipe_toml);
  EXPECT_EQ(before.source_name, after.source_name);
  EXPECT_EQ(before.source_hash, after.source_hash);
  EXPECT_EQ(before.calibration_hash, after.calibration_hash);
  EXPECT_EQ(before.tool_version, after.tool_version);
  EXPECT_EQ(before.labels, after.labels);
  const Graph &a = before.model.graph, &b = after.model.graph;
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.input, b.input);
  EXPECT_EQ(a.output, b.output);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(a.values[i].name, b.values[i].name);
    EXPECT_EQ(a.values[i].shape, b.values[i].shape);
    ASSERT_EQ(a.values[i].constant == nullptr, b.values[i].constant == nullptr);
    if (a.values[i].constant) {
      EXPECT_EQ(bits(a.values[i].constant->data), bits(b.values[i].constant->data));
    }
    EXPECT_EQ(before.model.values[i].type, after.model.values[i].type);
    EXPECT_EQ(bits(before.model.values[i].scale), bits(after.model.values[i].scale));
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    SCOPED_TRACE(a.nodes[i].name);
    EXPECT_EQ(a.nodes[i].op, b.nodes[i].op);
    EXPECT_EQ(a.nodes[i].name, b.nodes[i].name);
    EXPECT_EQ(a.nodes[i].inputs, b.nodes[i].inputs);
    EXPECT_EQ(a.nodes[i].output, b.nodes[i].output);
    EXPECT_EQ(bits(a.nodes[i].clamp_lo), bits(b.nodes[i].clamp_lo));
    EXPECT_EQ(bits(a.nodes[i].clamp_hi), bits(b.nodes[i].clamp_hi));
    expect_equal(a.nodes[i].attributes, b.nodes[i].attributes);
    expect_equal(before.model.layers[i], after.model.layers[i]);
    ASSERT_EQ(a.nodes[i].params.size(), b.nodes[i].params.size());
    for (std::size_t k = 0; k < a.nodes[i].params.size(); ++k) {
      EXPECT_EQ(a.nodes[i].params[k].shape, b.nodes[i].params[k].shape);
      if (before.model.layers[i].integer) continue;
      EXPECT_EQ(bits(a.nodes[i].params[k].data), bits(b.nodes[i].params[k].data));
    }
  }
}

TEST(Bsv, SampleHasEveryOperator) {
  std::vector<bool> seen(static_cast<std::size_t>(Op::softmax) + 1);
  seen[static_cast<std::size_t>(Op::batch_norm)] = true;  // folded, never stored
  const PackedModel packed = pack::SampleModel().packed();
  for (const Node& node : packed.model.graph.nodes) seen[static_cast<std::size_t>(node.op)] = true;
  EXPECT_EQ(std::count(seen.begin(), seen.end(), false), 0);
}

TEST(Bsv, IntegerLayersComeBackAsWhatTheyStandFor) {
  const PackedModel after = read_bsv(write_bsv(pack::SampleModel().packed()), "test");
  const Node& node = after.model.graph.nodes[0];  // conv 4x4x3x3
  const LayerCode& code = after.model.layers[0];
  const float in = after.model.values[static_cast<std::size_t>(node.inputs[0])].scale;
  for (std::size_t o = 0; o < 4; ++o) {
    for (std::size_t c = 0; c < 4; ++c) {
      for (std::size_t tap = 0; tap < 9; ++tap) {
        EXPECT_EQ(node.weight().data[(o * 4 + c) * 9 + tap],
                  static_cast<float>(code.weight[(o * 9 + tap) * 4 + c]) * code.weight_scale[o]);
      }
    }
    EXPECT_FLOAT_EQ(node.bias()->data[o], static_cast<float>(code.bias[o]) * in * code.weight_scale[o]);
  }
}

TEST(Bsv, WritingWhatWasReadGivesTheSameBytes) {
  const std::string bytes = write_bsv(pack::SampleModel().packed());
  EXPECT_EQ(write_bsv(read_bsv(bytes, "test")), bytes);
}

// Every way in which shared shifts are stored, on one layer.
TEST(Bsv, SharedShiftsComeBack) {
  PackedModel packed = pack::SampleModel().packed();
  LayerCode& stem = packed.model.layers[0];  // 4 filters of 9 taps and 4 channels
  stem.weight_bits = 8;
  for (std::size_t i = 0; i < stem.weight.size(); ++i)
    stem.weight.edit()[i] = static_cast<std::int8_t>(i % 3 == 0 ? -48 : 16);
  const std::vector<std::uint8_t> two(4 * 9, 0x30);
  const SharedShifts forms[] = {
      {.group = 4, .run = 4, .shifts = {2}, .set = two},
      {.group = 4, .run = 4, .consecutive = true, .shifts = {2}, .set = two},
      {.group = 8, .run = 36, .shifts = {2}, .set = std::vector<std::uint8_t>(4 * 5, 0x30)},
      {.group = 32, .run = 12, .shifts = {2}, .set = std::vector<std::uint8_t>(4 * 3, 0x30)},
      {.one_group = true, .consecutive = true, .shifts = {3}, .set = {0x70}},
      {.one_group = true, .shifts = {3}, .set = {0xb0}},
      {.group = 4, .run = 4, .columns = 3, .shifts = {2, 2}, .filter = {1, 0, 3, 2}, .set = two},
      {.group = 4, .run = 4, .columns = 65535, .shifts = {2}, .filter = {1, 0, 3, 2}, .set = two},
  };
  const std::size_t numbers = write_bsv(packed).size();
  for (const SharedShifts& form : forms) {
    stem.shifts = form;
    const std::string bytes = write_bsv(packed);
    EXPECT_LE(bytes.size(), numbers);
    const PackedModel back = read_bsv(bytes, "test");
    EXPECT_EQ(back.model.layers[0].shifts, form);
    EXPECT_EQ(back.model.layers[0].weight, stem.weight);
    EXPECT_EQ(write_bsv(back), bytes);
  }
}

// The format is a promise: a change of these bytes needs a new version number.
TEST(Bsv, BytesOfVersion2) {
  EXPECT_EQ(content_hash(write_bsv(pack::SampleModel().packed())), "ee2baea67a1985bf2122fa604378a026");
}

TEST(Bsv, SavedFileIsTheBytes) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("bsv_test_" + std::to_string(::getpid()) + ".bsv");
  const PackedModel packed = pack::SampleModel().packed();
  save_bsv(path, packed);
  EXPECT_EQ(read_file(path), write_bsv(packed));
  EXPECT_EQ(write_bsv(load_bsv(path)), write_bsv(packed));
  std::filesystem::remove(path);
}

// As a program that only runs the network reads it: weights stay in the file, floats are shapes.
TEST(Bsv, MappedAndWithoutFloatsItIsTheSameModel) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("bsv_mapped_" + std::to_string(::getpid()) + ".bsv");
  const PackedModel packed = pack::SampleModel().packed();
  save_bsv(path, packed);
  const PackedModel whole = load_bsv(path), light = load_bsv(path, FloatWeights::left_out);
  std::filesystem::remove(path);  // what is mapped stays
  int without = 0, in_file = 0;
  for (std::size_t i = 0; i < light.model.layers.size(); ++i) {
    const Node &a = whole.model.graph.nodes[i], &b = light.model.graph.nodes[i];
    EXPECT_EQ(whole.model.layers[i].weight, light.model.layers[i].weight);
    in_file += light.model.layers[i].weight_bits == 8 && light.model.layers[i].weight.size() > 0;
    light.model.layers[i].weight.release();
    EXPECT_EQ(whole.model.layers[i].weight, light.model.layers[i].weight);
    ASSERT_EQ(a.params.size(), b.params.size());
    for (std::size_t p = 0; p < a.params.size(); ++p) {
      EXPECT_EQ(a.params[p].shape, b.params[p].shape);
      const bool left_out = has_weights(a) && light.model.layers[i].integer;
      EXPECT_EQ(b.params[p].data.size(), left_out ? 0 : a.params[p].data.size());
      without += left_out;
    }
    if (!has_weights(a)) continue;
    EXPECT_EQ(stored_layer_bits(a, whole.model.layers[i]), stored_layer_bits(b, light.model.layers[i]));
  }
  EXPECT_GT(without, 0);
  EXPECT_GT(in_file, 0);
  EXPECT_EQ(write_bsv(light), write_bsv(packed));
  PackedModel broken = light;
  for (LayerCode& layer : broken.model.layers) layer = LayerCode{};
  EXPECT_THROW(write_bsv(broken), Error);  // float layers need their floats
}

TEST(Bsv, SectionsAreAligned) {
  const std::string bytes = write_bsv(pack::SampleModel().packed());
  ASSERT_TRUE(is_bsv(bytes));
  for (const pack::SectionView& section : pack::read_container(bytes)) {
    EXPECT_EQ((section.bytes.data() - bytes.data()) % 64, 0) << section.tag;
  }
}

TEST(PackedWeights, EveryWidthComesBack) {
  for (int width = 2; width <= 8; ++width) {
    const int low = -(1 << (width - 1)), count = 1 << width;
    for (int size = 0; size <= 2 * count + 5; ++size) {
      std::vector<std::int8_t> weights;
      for (int i = 0; i < size; ++i) weights.push_back(static_cast<std::int8_t>(low + i * 5 % count));
      const std::string bytes = pack::pack_weights(weights, width);
      EXPECT_EQ(bytes.size(), static_cast<std::size_t>((size * width + 7) / 8));
      EXPECT_EQ(pack::unpack_weights(bytes, size, width), weights);
      EXPECT_THROW(pack::unpack_weights(bytes + '\0', size, width), Error);
      if (size * width % 8 != 0) {
        std::string used = bytes;
        used.back() = static_cast<char>(used.back() | 0x80);  // a bit after the last weight
        EXPECT_THROW(pack::unpack_weights(used, size, width), Error);
      }
    }
  }
}

// As docs/format.md says: the first weight in the lowest bits.
TEST(PackedWeights, OrderOfBits) {
  EXPECT_EQ(pack::pack_weights(std::vector<std::int8_t>{1, -1, 7, -8}, 4), "\xf1\x87");
  EXPECT_EQ(pack::pack_weights(std::vector<std::int8_t>{3, -4, 0}, 3), std::string("\x23\x00", 2));
}

}  // namespace
}  // namespace bitsieve
