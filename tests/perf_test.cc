// Ratios between ways of running the embedded network and a small MobileNet, with wide margins: what would fail here is
// a kernel that is not chosen any more, or one that has become several times slower. Never absolute times;
// docs/performance.md has figures.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "compress/test_support.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "quant/recipe.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

using Clock = std::chrono::steady_clock;

void picture(std::int64_t index, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::max(0.0f, std::sin(static_cast<float>(static_cast<std::size_t>(index) * 7 + i) * 0.37f));
}

class Network {
 public:
  explicit Network(Graph graph) : graph_(std::move(graph)) {
    fold_batch_norms(graph_);
    fuse_activations(graph_);
    remove_dead(graph_);
    calibration_ = calibrate(float_model(graph_), 8, 1, picture);
  }
  QuantizedModel model(const std::string& weights, const std::string& activations) const {
    Recipe recipe;
    recipe.layers.weight_code = weights;
    recipe.layers.act_code = activations;
    return quantize(graph_, calibration_, recipe).model;
  }
  // Pruned as the 2:4 mode needs it.
  QuantizedModel two_of_four() const {
    Graph graph = graph_;
    prune_two_of_four(graph);
    Recipe recipe;
    recipe.layers.act_code = "sparq-5opt-round-24";
    recipe.rules.push_back({"stem|classifier|Gemm|fc", "int8", "int8"});
    return quantize(graph, calibration_, recipe).model;
  }
  QuantizedModel real() const { return float_model(graph_); }
  std::vector<float> image() const {
    std::vector<float> image(static_cast<std::size_t>(element_count(graph_.shape(graph_.input))));
    picture(3, image);
    return image;
  }

 private:
  Graph graph_;
  Calibration calibration_;
};

// How many times as long `slow` takes as `fast`: short blocks in turn, the least time of each; of their ratios the
// median, so that neither other programs nor a changing clock say much.
double ratio(const Executor& slow, const Executor& fast, const std::vector<float>& image) {
  Executor::Workspace slow_memory, fast_memory;
  std::vector<float> scores;
  const auto least = [&](const Executor& executor, Executor::Workspace& memory) {
    double best = 1e9;
    for (const auto start = Clock::now(); Clock::now() - start < std::chrono::milliseconds(15);) {
      const auto before = Clock::now();
      executor.run(image, memory, scores);
      best = std::min(best, std::chrono::duration<double>(Clock::now() - before).count());
    }
    return best;
  };
  std::vector<double> ratios;
  for (int i = 0; i < 15; ++i) {
    const double a = least(slow, slow_memory);
    ratios.push_back(a / least(fast, fast_memory));
  }
  std::nth_element(ratios.begin(), ratios.begin() + 7, ratios.end());
  return ratios[7];
}

// Depthwise layers of both strides, half of the time, and the 1x1 layers between them.
Graph small_mobilenet() {
  test::Builder b({3, 56, 56});
  ValueId last = b.conv("first", 0, 32, 3, 1, 2);
  for (int block = 0; block < 3; ++block) {
    const std::string name = std::to_string(block);
    const std::int64_t channels = b.graph.shape(last)[0];
    last = b.conv("depthwise" + name, last, channels, 3, channels, block == 1 ? 2 : 1);
    last = b.conv("point" + name, last, 64, 1);
  }
  b.linear("scores", b.mean("mean", last), 10);
  return std::move(b.graph);
}

class Perf : public testing::Test {
 protected:
  void SetUp() override {
    if (best_isa() == Isa::portable || best_isa() == Isa::neon) GTEST_SKIP() << "no vector product on this machine";
  }
  const Network network_{load_onnx(BITSIEVE_MODELS "/fashion-resnet14.onnx")};
  const QuantizedModel int8_ = network_.model("int8", "int8");
  const Executor fast_{int8_};
};

TEST_F(Perf, VectorKernelsAreSeveralTimesAsFastAsPortableOnes) {
  const Executor portable(int8_, ExecutorOptions{.isa = Isa::portable});
  EXPECT_GT(ratio(portable, fast_, network_.image()), 2.5);
}

TEST_F(Perf, Int8IsFasterThanFloat) {
  const QuantizedModel real = network_.real();
  EXPECT_GT(ratio(Executor(real), fast_, network_.image()), 1.1);
}

TEST_F(Perf, SparqTakesLittleMore) {
  const QuantizedModel sparq = network_.model("int8", "sparq-5opt-round");
  EXPECT_LT(ratio(Executor(sparq), fast_, network_.image()), 1.35);
}

// Every vector ISA has a product of its own for it; AVX-512 without VBMI and AVX-VNNI take twice INT8's time.
TEST_F(Perf, TwoOfFourTakesNoLongerThanItsProduct) {
  const QuantizedModel model = network_.two_of_four();
  EXPECT_LT(ratio(Executor(model), fast_, network_.image()), best_isa() == Isa::avx2 ? 1.6 : 3);
}

TEST_F(Perf, SwisAndWeightsOfFewBitsTakeNoMore) {
  for (const char* code : {"swis-n3-m4", "int4"}) {
    const QuantizedModel model = network_.model(code, "int8");
    EXPECT_LT(ratio(Executor(model), fast_, network_.image()), 1.25) << code;
  }
}

class PerfDepthwise : public Perf {
 protected:
  const Network mobile_{small_mobilenet()};
  const QuantizedModel int8_mobile_ = mobile_.model("int8", "int8");
  const Executor fast_mobile_{int8_mobile_};
};

TEST_F(PerfDepthwise, VectorKernelsAreSeveralTimesAsFastAsPortableOnes) {
  const Executor portable(int8_mobile_, ExecutorOptions{.isa = Isa::portable});
  EXPECT_GT(ratio(portable, fast_mobile_, mobile_.image()), 2);
}

TEST_F(PerfDepthwise, Int8IsFasterThanFloat) {
  const QuantizedModel real = mobile_.real();
  EXPECT_GT(ratio(Executor(real), fast_mobile_, mobile_.image()), 1.1);
}

TEST_F(PerfDepthwise, SparqTakesLittleMore) {
  const QuantizedModel sparq = mobile_.model("int8", "sparq-5opt-round");
  EXPECT_LT(ratio(Executor(sparq), fast_mobile_, mobile_.image()), 1.8);
}

}  // namespace
}  // namespace bitsieve
