// Small networks with random weights for the tests of this folder.
#pragma once
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compress/layer_pass.h"
#include "compress/quantize.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve::test {

// Builds a graph node by node.
class Builder {
 public:
  explicit Builder(Shape input, unsigned seed = 7) : random_(seed) {
    graph.name = "small";
    graph.input = graph.add_value("input", std::move(input));
  }

  Tensor noise(Shape shape, float deviation = 0.3f) {
    Tensor t(std::move(shape));
    for (float& x : t.data) x = std::normal_distribution<float>(0, deviation)(random_);
    return t;
  }
  static Node node(Op op, std::string name, std::vector<ValueId> inputs) {
    Node n{};
    n.op = op;
    n.name = std::move(name);
    n.inputs = std::move(inputs);
    return n;
  }
  ValueId push(Node n) {
    n.output = graph.add_value(n.name + "_out", {});
    graph.values.back().shape = infer_shape(graph, n);
    graph.nodes.push_back(std::move(n));
    return graph.output = graph.nodes.back().output;
  }
  // With bias, zero padding that keeps the size at stride 1, and a relu.
  ValueId conv(const std::string& name, ValueId in, std::int64_t outputs, std::int64_t kernel, std::int64_t groups = 1,
               std::int64_t stride = 1) {
    Node n = node(Op::conv, name, {in});
    n.params = {noise({outputs, graph.shape(in)[0] / groups, kernel, kernel}), noise({outputs})};
    n.attributes.window.groups = groups;
    n.attributes.window.kernel = {kernel, kernel};
    n.attributes.window.stride = {stride, stride};
    n.attributes.window.pad_before = n.attributes.window.pad_after = {kernel / 2, kernel / 2};
    n.clamp_lo = 0;
    return push(std::move(n));
  }
  ValueId add_relu(const std::string& name, ValueId a, ValueId b) {
    Node n = node(Op::add, name, {a, b});
    n.clamp_lo = 0;
    return push(std::move(n));
  }
  ValueId mean(const std::string& name, ValueId in) {
    Node n = node(Op::reduce_mean, name, {in});
    n.attributes.axes = {1, 2};
    n.attributes.keep_dims = false;
    return push(std::move(n));
  }
  ValueId linear(const std::string& name, ValueId in, std::int64_t outputs) {
    Node n = node(Op::linear, name, {in});
    n.params = {noise({outputs, graph.shape(in).back()}), noise({outputs})};
    return push(std::move(n));
  }

  Graph graph;

 private:
  std::mt19937 random_;
};

// Image i: standard normal values. By hand from the generator's bits, so that images are the same everywhere.
inline void image(std::int64_t i, std::span<float> out) {
  std::mt19937 generator(static_cast<unsigned>(i) + 1);
  for (float& x : out) {
    x = 0;
    for (int k = 0; k < 4; ++k) x += (static_cast<float>(generator() >> 8) / 16777216.0f - 0.5f) * 1.7320508f;
  }
}

// Stem, residual block with a depthwise layer, strided layer, classifier: every form of layer the repair meets.
inline Graph residual_network() {
  Builder b({3, 8, 7});
  const ValueId stem = b.conv("stem", b.graph.input, 8, 3);
  const ValueId wide = b.conv("wide", stem, 12, 1);
  const ValueId depthwise = b.conv("depthwise", wide, 12, 3, 12);
  const ValueId narrow = b.conv("narrow", depthwise, 8, 1);
  const ValueId sum = b.add_relu("sum", stem, narrow);
  const ValueId strided = b.conv("strided", sum, 16, 3, 1, 2);
  b.linear("classifier", b.mean("mean", strided), 10);
  validate(b.graph);
  return b.graph;
}

inline QuantizedModel quantized(const Graph& graph, const std::string& weight_code, const std::string& act_code,
                                std::int64_t images = 24) {
  Recipe recipe;
  recipe.layers = {weight_code, act_code};
  recipe.first_last = FirstLast::same;
  return quantize(graph, calibrate(float_model(graph), images, 1, image), recipe).model;
}

inline std::vector<float> scores(const QuantizedModel& model, std::int64_t i, bool reference = false) {
  std::vector<float> input(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input)))), out;
  image(i, input);
  Executor::Workspace workspace;
  Executor(model, reference).run(input, workspace, out);
  return out;
}

inline bool is_layer(const Node& node) { return node.op == Op::conv || node.op == Op::linear; }

}  // namespace bitsieve::test
