// The embedded network on real images: every instruction set of this machine, with one thread and two, gives the bits
// of the plain executor in every value between the layers. An instruction set that the machine lacks is reported as
// skipped.
#include <gtest/gtest.h>

#include <memory>

#include "base/files.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

constexpr std::int64_t kImages = 3, kCalibrationImages = 16;

struct Network {
  Network() {
    const std::string base = std::string(BITSIEVE_MODELS) + "/fashion-resnet14";
    graph = load_onnx(base + ".onnx");
    fold_batch_norms(graph);
    fuse_activations(graph);
    remove_dead(graph);
    preprocessing = parse_preprocessing(read_file(base + ".toml", 1 << 20), base + ".toml");
    calibration = calibrate(float_model(graph), kCalibrationImages, 0, [this](std::int64_t i, std::span<float> out) {
      preprocess(data->image(i + kImages), preprocessing, out.data());
    });
  }
  std::vector<float> image(std::int64_t i) const {
    std::vector<float> pixels(static_cast<std::size_t>(element_count(graph.shape(graph.input))));
    preprocess(data->image(i), preprocessing, pixels.data());
    return pixels;
  }

  std::unique_ptr<Dataset> data = open_dataset("fashion-mnist:/usr/share/datasets/fashion-mnist:test", false);
  Graph graph;
  Preprocessing preprocessing;
  Calibration calibration;
};

const Network& network() {
  static const Network shared;
  return shared;
}

struct Form {
  const char* name;
  const char* weights;
  const char* activations;  // "float": the network before quantization
  bool two_of_four;
};
constexpr Form kForms[] = {{"float", "", "float", false},
                           {"int8", "int8", "int8", false},
                           {"sparq_5opt_round", "int8", "sparq-5opt-round", false},
                           {"sparq_3opt_trim_novs", "int8", "sparq-3opt-trim-novs", false},
                           {"act4_uniform", "int8", "act4-uniform", false},
                           {"int4_weights", "int4", "int8", false},
                           {"swis", "swis-n3-m4", "int8", false},
                           {"swis_c_any", "swisc-n2.5-m8-any-measured", "sparq-5opt-round", false},
                           {"two_of_four", "int8", "sparq-5opt-round", true}};

QuantizedModel make(const Form& form) {
  if (std::string(form.activations) == "float") return float_model(network().graph);
  Graph graph = network().graph;
  if (form.two_of_four) prune_two_of_four(graph);
  Recipe recipe;
  recipe.layers = {form.weights, form.activations};
  if (!form.two_of_four) recipe.first_last = FirstLast::same;  // pairs along the one channel of the first layer too
  QuantizedModel model = quantize(graph, network().calibration, recipe).model;
  if (form.two_of_four) {
    for (LayerCode& layer : model.layers) layer.transform.two_of_four = layer.transform.active;
  }
  return model;
}

// Every value of one image, one after the other, then the scores.
std::vector<std::uint8_t> trace(const QuantizedModel& model, const Executor& executor, std::int64_t index,
                                Executor::Workspace& workspace) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> scores;
  const auto append = [&](const void* data, std::size_t count) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + count);
  };
  executor.run(network().image(index), workspace, scores,
               [&](ValueId id, const void* data) { append(data, value_bytes(model, id)); });
  append(scores.data(), scores.size() * sizeof(float));
  return bytes;
}

struct Case {
  Form form;
  Isa isa;
};

class IsaEquality : public testing::TestWithParam<Case> {};

TEST_P(IsaEquality, LikeThePlainExecutor) {
  const Case& chosen = GetParam();
  if (!isa_supported(chosen.isa)) GTEST_SKIP() << "this machine has no " << isa_name(chosen.isa);
  const QuantizedModel model = make(chosen.form);
  const Executor plain(model, true), one(model, ExecutorOptions{false, chosen.isa, 1}),
      two(model, ExecutorOptions{false, chosen.isa, 2});
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    EXPECT_NE(one.kernel(static_cast<int>(i)), "reference") << model.graph.nodes[i].name;
  }
  Executor::Workspace of_plain, of_one, of_two;
  for (std::int64_t i = 0; i < kImages; ++i) {
    const auto wanted = trace(model, plain, i, of_plain);
    EXPECT_TRUE(trace(model, one, i, of_one) == wanted) << "image " << i;
    EXPECT_TRUE(trace(model, two, i, of_two) == wanted) << "image " << i << ", two threads";
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Form& form : kForms) {
    for (const Isa isa : isas()) cases.push_back({form, isa});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(DefaultNetwork, IsaEquality, testing::ValuesIn(all_cases()), [](const auto& info) {
  return std::string(info.param.form.name) + "_" + isa_name(info.param.isa);
});

}  // namespace
}  // namespace bitsieve
