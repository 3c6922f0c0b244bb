// A real quantized network through a .bsv file: the same scores bit for bit, and a file of about its integers' size.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "compress/quantize.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "pack/bsv.h"
#include "pack/sample_model.h"
#include "pack/test_support.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

// A soft blob whose place and size depend on the index: smooth like a picture, and the same everywhere.
void image(std::int64_t index, std::span<float> out) {
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(out.size()))));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double x = static_cast<double>(i % side), y = static_cast<double>(i / side), t = static_cast<double>(index);
    out[i] =
        static_cast<float>(2 * std::sin(x * (0.1 + 0.02 * t)) * std::cos(y * 0.2 + t) + 0.5 * std::sin(t * x * y / 50));
  }
}

std::vector<std::uint32_t> scores(const QuantizedModel& model, std::int64_t index, bool reference) {
  std::vector<float> input(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input)))), out;
  image(index, input);
  Executor::Workspace workspace;
  Executor(model, reference).run(input, workspace, out);
  std::vector<std::uint32_t> bits;
  for (const float x : out) bits.push_back(std::bit_cast<std::uint32_t>(x));
  return bits;
}

struct Network {
  Graph graph;
  Calibration calibration;
};

const Network& fashion() {
  static const Network network = [] {
    Network n;
    n.graph = load_onnx(BITSIEVE_MODELS "/fashion-resnet14.onnx");
    fold_batch_norms(n.graph);
    fuse_activations(n.graph);
    remove_dead(n.graph);
    n.calibration = calibrate(float_model(n.graph), 16, 2, [](std::int64_t i, std::span<float> out) { image(i, out); });
    return n;
  }();
  return network;
}

QuantizedModel quantized(const std::string& weights, const std::string& activations, FirstLast first_last) {
  Recipe recipe;
  recipe.layers = {weights, activations};
  recipe.first_last = first_last;
  return quantize(fashion().graph, fashion().calibration, recipe).model;
}

// Bytes that no file of this model could do without.
std::size_t integers_and_scales(const QuantizedModel& model) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerCode& code = model.layers[i];
    if (code.integer) bytes += static_cast<std::size_t>(std::ceil(stored_weight_bits(code) / 8));
    bytes += 4 * (code.weight_scale.size() + code.bias.size() + code.multiplier.size());
    if (code.integer) continue;
    for (const Tensor& t : model.graph.nodes[i].params) bytes += 4 * t.data.size();
  }
  return bytes;
}

struct Choice {
  const char *weights, *activations;
  FirstLast first_last;
};

class PackRoundTrip : public testing::TestWithParam<Choice> {};

TEST_P(PackRoundTrip, ScoresAreEqual) {
  PackedModel packed;
  packed.model = quantized(GetParam().weights, GetParam().activations, GetParam().first_last);
  const std::string bytes = write_bsv(packed);
  const PackedModel back = read_bsv(bytes, "fashion.bsv");
  EXPECT_EQ(write_bsv(back), bytes);
  for (std::int64_t i = 100; i < 110; ++i) EXPECT_EQ(scores(packed.model, i, false), scores(back.model, i, false));
  EXPECT_EQ(scores(packed.model, 7, true), scores(back.model, 7, true));
  // Graph, names, tables and padding: a few kB, whatever the weights.
  const std::size_t least = integers_and_scales(packed.model);
  EXPECT_LE(bytes.size(), least + 8 * 1024);
  EXPECT_GE(bytes.size(), least);
  RecordProperty("bytes", static_cast<int>(bytes.size()));
  RecordProperty("least", static_cast<int>(least));
}

INSTANTIATE_TEST_SUITE_P(
    Codes, PackRoundTrip,
    testing::Values(Choice{"int8", "int8", FirstLast::int8}, Choice{"int8", "sparq-5opt-round", FirstLast::int8},
                    Choice{"int8", "sparq-7opt-trim-novs", FirstLast::same},
                    Choice{"int4", "sparq-5opt-round", FirstLast::int8},
                    Choice{"int3", "act4-uniform", FirstLast::same},
                    Choice{"int8-sparq", "sparq-3opt-round", FirstLast::keep_float},
                    Choice{"swis-n3-m4", "int8", FirstLast::int8},
                    Choice{"swis-n2.5-m4-any", "sparq-5opt-round", FirstLast::same},
                    Choice{"swisc-n2-m16-measured", "int8", FirstLast::same},
                    Choice{"swis-n3-m32-flat-joint", "sparq-3opt-trim", FirstLast::same},
                    Choice{"trunc-n4-floor", "int8", FirstLast::same}, Choice{"static-n3", "int8", FirstLast::same},
                    Choice{"int4-mse", "int8", FirstLast::same}, Choice{"float", "float", FirstLast::same}));

// Stored bits are those of the specification of SWIS, A.7, for every layer; besides there are 8 bytes a layer, what
// fills it to whole bytes, and what fills its place in the section to 64.
TEST(PackedNetwork, SharedShiftsTakeWhatTheFormulaSays) {
  PackedModel eight, swis;
  eight.model = quantized("int8", "int8", FirstLast::same);
  swis.model = quantized("swis-n2-m8", "int8", FirstLast::same);
  std::int64_t formula = 0, integers = 0, layers = 0;
  for (std::size_t i = 0; i < swis.model.layers.size(); ++i) {
    const LayerCode& code = swis.model.layers[i];
    if (code.weight.empty()) continue;
    const std::int64_t run = code.shifts.run, padded = (run + 7) / 8 * 8;
    const auto count = static_cast<std::int64_t>(code.weight.size());
    formula += count / run * padded / 8 * (8 * (1 + 2) + 3 * 2);  // bits: a group of 8 has 8 (1 + N) + 3 N
    integers += count * 8;
    ++layers;
  }
  const auto saved = static_cast<double>(write_bsv(eight).size()) - static_cast<double>(write_bsv(swis).size());
  EXPECT_NEAR(saved, static_cast<double>(integers - formula) / 8, 64.0 * static_cast<double>(layers + 5));
  double stored = 0;
  for (const LayerCode& code : swis.model.layers) stored += code.weight.empty() ? 0 : stored_weight_bits(code);
  EXPECT_NEAR(stored, static_cast<double>(formula), 8.0 * static_cast<double>(layers));
}

// The fuzzers start from a file that is read; one of an older version would teach them nothing.
TEST(PackedNetwork, TheSeedOfTheFuzzerIsTheSample) {
  EXPECT_EQ(read_file(BITSIEVE_MODELS "/../tests/fuzz/pack/sample.bsv"), write_bsv(pack::SampleModel().packed()));
}

TEST(PackedNetwork, FourBitWeightsTakeHalf) {
  PackedModel eight, four;
  eight.model = quantized("int8", "int8", FirstLast::same);
  four.model = quantized("int4", "int8", FirstLast::same);
  std::size_t weights = 0;
  for (const LayerCode& code : eight.model.layers) weights += code.weight.size();
  const auto saved = write_bsv(eight).size() - write_bsv(four).size();
  EXPECT_NEAR(static_cast<double>(saved), static_cast<double>(weights) / 2, 64.0 * 20);  // alignment of 20 layers
}

// What passes the checks runs: every byte of a small file is changed behind right checksums, and what is still read as
// a model goes through both executors, which agree. With the sanitizers this is the proof that validate is complete.
TEST(PackedNetwork, DamagedModelsRunOrAreRefused) {
  const std::string sample = write_bsv(pack::SampleModel().packed());
  int ran = 0;
  const auto attempt = [&](const std::string& bytes) {
    PackedModel packed;
    try {
      packed = read_bsv(bytes, "damaged.bsv");
    } catch (const Error&) {
      return;
    }
    std::int64_t elements = 0;
    for (const Value& value : packed.model.graph.values) elements += element_count(value.shape);
    if (elements > 100000) return;  // sound, but slow
    EXPECT_EQ(scores(packed.model, 1, false), scores(packed.model, 1, true));
    ++ran;
  };
  attempt(sample);
  ASSERT_EQ(ran, 1);
  for (std::size_t at = pack::at_version; at < sample.size(); ++at) {
    std::string bytes = sample;
    for (const unsigned change : {0x01u, 0x80u}) {
      bytes[at] = static_cast<char>(static_cast<unsigned char>(sample[at]) ^ change);
      pack::fix_checksums(bytes);
      attempt(bytes);
    }
  }
  EXPECT_GT(ran, 1000);
}

}  // namespace
}  // namespace bitsieve
