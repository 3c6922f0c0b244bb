// Nodes without weights from calibration to integers, in numbers worked out by hand. Calibration images are chosen so
// that every scale is a small fraction: what is tested is that the pipeline hands each node the right multipliers.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "compress/quantize.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

using Codes = std::vector<int>;
constexpr float step = 1.0f / 64;  // scale of the input

class Nodes {
 public:
  explicit Nodes(Shape shape) {
    graph_.name = "nodes";
    graph_.input = graph_.add_value("input", std::move(shape));
  }

  static Node make(Op op, std::vector<ValueId> inputs) {
    Node node{};
    node.op = op;
    node.inputs = std::move(inputs);
    return node;
  }

  ValueId push(Node node) {
    node.name = "n" + std::to_string(graph_.nodes.size());
    node.output = graph_.output = graph_.add_value(node.name + "_out", {});
    graph_.values.back().shape = infer_shape(graph_, node);
    graph_.nodes.push_back(std::move(node));
    return graph_.output;
  }

  ValueId input() const { return graph_.input; }
  ValueId whole() { return push(make(Op::relu, {input()})); }  // x: code a = x, scale 1/64
  ValueId clipped() {                                          // up to 255/256: code b = min(4 x, 255), scale 1/256
    Node node = make(Op::clip, {input()});
    node.attributes.hi = 255.0f / 256;
    return push(node);
  }

  // The integers and the scale of the last node, for an input of these codes. Calibrated on one image that is 255/64
  // everywhere. Channel-last.
  void expect(const Codes& x, float scale, const Codes& wanted) {
    const ValueId out = graph_.output;
    Node after = make(Op::leaky_relu, {out});  // scores would stay real numbers
    after.attributes.alpha = 0.5f;
    push(std::move(after));
    validate(graph_);
    const Calibration calibration = calibrate(float_model(graph_), 1, 1, [](std::int64_t, std::span<float> image) {
      std::fill(image.begin(), image.end(), 255 * step);
    });
    const QuantizedModel model = quantize(graph_, calibration, Recipe{}).model;
    for (const LayerCode& layer : model.layers) EXPECT_TRUE(layer.integer || &layer == &model.layers.back());
    EXPECT_EQ(model.values[static_cast<std::size_t>(input())].scale, step);
    EXPECT_EQ(model.values[static_cast<std::size_t>(out)].scale, scale);
    EXPECT_EQ(model.values[static_cast<std::size_t>(out)].type, DType::u8);
    std::vector<float> image;
    for (const int code : x) image.push_back(static_cast<float>(code) * step);
    for (const bool reference : {true, false}) {
      const Executor executor(model, reference);
      Executor::Workspace workspace;
      std::vector<float> scores;
      Codes got;
      executor.run(image, workspace, scores, [&](ValueId id, const void* data) {
        const auto* bytes = static_cast<const std::uint8_t*>(data);
        if (id == out) got.assign(bytes, bytes + element_count(graph_.shape(id)));
      });
      EXPECT_EQ(got, wanted) << "reference: " << reference;
    }
  }

 private:
  Graph graph_;
};

// Largest sum 255/64 + 255/256 = 255 * 5/256: y = (a/64 + b/256) / (5/256) = (4 a + b) / 5.
TEST(IntegerNodes, Add) {
  Nodes n({1, 2, 4});
  const ValueId a = n.whole(), b = n.clipped();
  n.push(Nodes::make(Op::add, {a, b}));
  // 0, 8/5, 24/5, 80/5, 504/5, 511/5, 655/5, 1275/5
  n.expect({0, 1, 3, 10, 63, 64, 100, 255}, 5.0f / 256, {0, 2, 5, 16, 101, 102, 131, 255});
}

// Largest product 255/64 * 255/256 = 255 * 255/16384: y = a b / 255.
TEST(IntegerNodes, Mul) {
  Nodes n({1, 1, 6});
  const ValueId a = n.whole(), b = n.clipped();
  n.push(Nodes::make(Op::mul, {a, b}));
  // 0, 400/255, 1600/255, 63 * 252/255 = 62.3, and b = 255 from 64 on
  n.expect({0, 10, 20, 63, 100, 255}, 255.0f / 16384, {0, 2, 6, 62, 100, 255});
}

// The wider range, 1/64, is that of the output: b becomes b / 4.
TEST(IntegerNodes, ConcatOfDifferentScales) {
  Nodes n({1, 1, 4});
  Node node = Nodes::make(Op::concat, {n.clipped(), n.whole()});
  node.attributes.axis = 0;
  n.push(node);
  n.expect({0, 3, 63, 200}, step, {0, 0, 3, 3, 63, 63, 64, 200});  // b = 0, 12, 252, 255: the last is 63.75
}

Node pool(Op op, ValueId in, bool count_include_pad) {
  Node node = Nodes::make(op, {in});
  node.attributes.window.kernel = node.attributes.window.stride = {2, 2};
  node.attributes.window.pad_before = {1, 1};
  node.attributes.window.count_include_pad = count_include_pad;
  return node;
}

// Windows {1}, {2, 3}, {4, 7}, {5, 6, 8, 10} of the plane 1 2 3 / 4 5 6 / 7 8 10.
TEST(IntegerNodes, Pools) {
  const Codes plane{1, 2, 3, 4, 5, 6, 7, 8, 10};
  Nodes without({1, 3, 3}), with({1, 3, 3}), largest({1, 3, 3});
  without.push(pool(Op::average_pool, without.input(), false));
  without.expect(plane, step, {1, 2, 6, 7});  // 1, 2.5, 5.5, 7.25
  with.push(pool(Op::average_pool, with.input(), true));
  with.expect(plane, step, {0, 1, 3, 7});  // 0.25, 1.25, 2.75, 7.25
  largest.push(pool(Op::max_pool, largest.input(), false));
  largest.expect(plane, step, {1, 3, 7, 10});
}

TEST(IntegerNodes, GlobalAverage) {
  Nodes n({2, 2, 2});
  Node node = Nodes::make(Op::reduce_mean, {n.input()});
  node.attributes.axes = {1, 2};
  node.attributes.keep_dims = false;
  n.push(node);
  n.expect({1, 100, 2, 101, 3, 102, 4, 104}, step, {2, 102});  // 10/4 = 2.5; 407/4 = 101.75
}

// Its mean is half of what one channel holds: the output's scale is 1/128 where the input's is 1/64, so means double.
TEST(IntegerNodes, PoolWithAScaleOfItsOwn) {
  Nodes n({1, 1, 2});
  Node node = Nodes::make(Op::average_pool, {n.input()});
  node.attributes.window.kernel = {1, 2};
  node.attributes.window.stride = {1, 3};
  node.attributes.window.pad_before = {0, 1};
  node.attributes.window.count_include_pad = true;
  n.push(node);
  n.expect({7, 200}, 1.0f / 128, {7});  // (0 + 7)/2 at 1/64 is 7 at 1/128
}

}  // namespace
}  // namespace bitsieve
