// Exported models in ONNX Runtime beside ours: the same classes for nearly all images. Needs a libonnxruntime.so, which
// BITSIEVE_ORT names (tools/onnxruntime.sh gets one); skipped without.
//
// ONNX Runtime's integer operators add pairs of products in 16 bits on processors without VNNI, and saturate: its own
// documentation says so. There only its float operators are held to the model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/cpu.h"
#include "base/files.h"
#include "compress/quantize.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "export/qdq.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "peers/ort.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

struct Form {
  const char *weights, *activations;
  bool signed_int8;
};

class Export : public testing::TestWithParam<bool> {};

TEST_P(Export, AgreesWithOnnxRuntime) {
  const bool integers = GetParam(), exact = !integers || isa_supported(Isa::avx512vnni);
  const char* const path = std::getenv("BITSIEVE_ORT");
  if (path == nullptr) GTEST_SKIP() << "BITSIEVE_ORT does not name a libonnxruntime.so";
  const std::string base = std::string(BITSIEVE_MODELS) + "/fashion-resnet14";
  Graph graph = load_onnx(base + ".onnx");
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  const Preprocessing preprocessing = parse_preprocessing(read_file(base + ".toml", 1 << 20), base + ".toml");
  const std::unique_ptr<Dataset> data = open_dataset("fashion-mnist:/usr/share/datasets/fashion-mnist:test", false);
  const auto load = [&](std::int64_t i, std::span<float> out) {
    preprocess(data->image(i), preprocessing, out.data());
  };
  const Calibration calibration = calibrate(float_model(graph), 64, 0, load);
  const bench::OrtLibrary library(path);
  constexpr std::int64_t first = 1000, images = 500, batch = 2;
  const auto size = static_cast<std::size_t>(element_count(graph.shape(graph.input)));
  for (const Form& form : {Form{"int8", "int8", false}, Form{"int8", "int8", true}, Form{"swis-n3-m4", "int8", false},
                           Form{"int4", "int8", false}, Form{"int8", "act4-uniform", false}}) {
    Recipe recipe;
    recipe.layers.weight_code = form.weights;
    recipe.layers.act_code = form.activations;
    const QuantizedModel model = quantize(graph, calibration, recipe).model;
    const Executor ours(model);
    Executor::Workspace workspace;
    bench::OrtSession peer(library, write_qdq(model, {.signed_int8 = form.signed_int8}),
                           {.integer_operators = integers});
    std::vector<float> pictures(size * batch), mine;
    const Shape& image = graph.shape(graph.input);
    peer.bind(pictures, {batch, image.at(0), image.at(1), image.at(2)});
    std::int64_t same = 0;
    double signal = 0, noise = 0;
    for (std::int64_t i = 0; i < images; i += batch) {
      for (std::int64_t k = 0; k < batch; ++k)
        load(first + i + k, std::span(pictures).subspan(static_cast<std::size_t>(k) * size, size));
      peer.run();
      const std::vector<float> theirs = peer.scores();
      for (std::int64_t k = 0; k < batch; ++k) {
        ours.run(std::span(pictures).subspan(static_cast<std::size_t>(k) * size, size), workspace, mine);
        ASSERT_EQ(theirs.size(), mine.size() * batch);
        const float* const t = theirs.data() + static_cast<std::size_t>(k) * mine.size();
        for (std::size_t c = 0; c < mine.size(); ++c) {
          signal += static_cast<double>(mine[c]) * mine[c];
          noise += (static_cast<double>(mine[c]) - t[c]) * (static_cast<double>(mine[c]) - t[c]);
        }
        same += std::max_element(mine.begin(), mine.end()) - mine.begin() == std::max_element(t, t + mine.size()) - t;
      }
    }
    std::printf("%s x %s%s%s: %lld of %lld classes, scores %.1f dB apart\n", form.weights, form.activations,
                form.signed_int8 ? " as int8" : "", exact ? "" : " (not held: no VNNI)", static_cast<long long>(same),
                static_cast<long long>(images), 10 * std::log10(signal / noise));
    if (!exact) continue;
    EXPECT_GE(same, images * 99 / 100);
    EXPECT_GT(signal, 1000 * noise);
  }
}

INSTANTIATE_TEST_SUITE_P(Operators, Export, testing::Bool(),
                         [](const auto& info) { return std::string(info.param ? "Integer" : "Float"); });

}  // namespace
}  // namespace bitsieve
