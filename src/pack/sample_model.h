// A small model by hand with every operator, every kind of code and every field of the format. For tests.
#pragma once
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "pack/bsv.h"

namespace bitsieve::pack {

class SampleModel {
 public:
  SampleModel() { build(); }

  PackedModel packed() const {
    PackedModel p;
    p.model = model_;
    p.preprocessing.height = p.preprocessing.width = 6;
    p.preprocessing.mean = {0.1f, 0.2f, 0.3f};
    p.preprocessing.std = {0.7f};
    p.recipe_toml = "name = \"sample\"\n";
    p.source_name = "sample.onnx";
    p.source_hash = std::string(32, 'a');
    p.calibration_hash = std::string(32, 'b');
    p.tool_version = "0.1.0";
    p.labels = {"T-shirt", "Trouser", "", "Kleid, blau", "Mäntel"};
    return p;
  }

 private:
  static constexpr ValueCode u8{DType::u8, 0.02f}, s8{DType::s8, 0.03f}, real{};

  void build() {
    Graph& g = model_.graph;
    g.name = "sample";
    g.input = value("image", {4, 6, 6}, u8);
    Node stem = node(Op::conv, "stem", {g.input});
    stem.attributes.window.kernel = {3, 3};
    stem.attributes.window.pad_before = stem.attributes.window.pad_after = {1, 1};
    stem.clamp_lo = 0;
    const ValueId first = layer(std::move(stem), {4, 4, 3, 3}, u8, 4, "sparq-5opt-round");
    transform().paired = true;

    Node depthwise = node(Op::conv, "depthwise", {first});
    depthwise.attributes.window.groups = 4;
    const ValueId second = layer(std::move(depthwise), {4, 1, 1, 1}, s8, 8, "int8");
    code().weight_code = "swis-n1.5-m2";  // shared shifts with a schedule
    code().weight = {-128, 6, 0, 17};
    code().shifts = {
        .group = 2, .run = 1, .columns = 2, .shifts = {2, 1}, .filter = {3, 1, 0, 2}, .set = {0x80, 0x06, 0x01, 0x11}};

    const ValueId swished = integer(node(Op::hard_swish, "swish", {second}), s8, 0);
    for (int i = 0; i < 256; ++i) code().table.push_back(static_cast<std::uint8_t>(i / 3));
    const ValueId sum = integer(node(Op::add, "sum", {first, swished}), u8, 1);
    code().operand = {16384, -32768};

    Node largest = node(Op::max_pool, "largest", {sum});
    largest.attributes.window.kernel = largest.attributes.window.stride = {2, 2};
    const ValueId pooled = integer(std::move(largest), u8, 1);
    Node average = node(Op::average_pool, "average", {pooled});
    average.attributes.window.kernel = {3, 3};
    average.attributes.window.pad_before = average.attributes.window.pad_after = {1, 1};
    average.attributes.window.count_include_pad = true;
    const ValueId averaged = integer(std::move(average), u8, 10);
    const ValueId joined = integer(node(Op::concat, "joined", {pooled, averaged}), u8, 2);
    const ValueId product = integer(node(Op::mul, "product", {joined, joined}), u8, 1);
    const ValueId difference = integer(node(Op::sub, "difference", {joined, product}), s8, 1);
    code().operand = {20000, -20001};

    const ValueId factor = constant("factors", {8, 1, 1}, {1, 2, 3, 4, -1, -2, -3, -4e-3f});
    const ValueId scaled = integer(node(Op::mul, "scaled", {factor, difference}), s8, 1);
    code().constant = {31, 63, 95, 127, -31, -63, -95, -127};

    Node slice = node(Op::slice, "every second", {scaled});
    slice.attributes.starts = {0, 0, 0};
    slice.attributes.ends = {8, 3, 3};
    slice.attributes.steps = {2, 1, 1};
    const ValueId sliced = integer(std::move(slice), s8, 1);
    Node pad = node(Op::pad, "padded", {sliced});
    pad.attributes.before = {0, 1, 0};
    pad.attributes.after = {0, 1, 0};
    pad.attributes.value = -0.5f;
    const ValueId padded = integer(std::move(pad), s8, 1);
    Node turned = node(Op::transpose, "turned", {padded});
    turned.attributes.axes = {0, 2, 1};
    const ValueId feature = integer(std::move(turned), s8, 1);
    Node mean = node(Op::reduce_mean, "mean", {feature});
    mean.attributes.axes = {1, 2};
    mean.attributes.keep_dims = false;
    const ValueId vector = integer(std::move(mean), s8, 1);

    // 2:4: at most two weights in four.
    const ValueId scores = layer(node(Op::linear, "scores", {vector}), {5, 4}, real, 3, "sparq-3opt-trim-24");
    for (std::size_t i = 0; i < code().weight.size(); i += 4)
      code().weight.edit()[i + 1] = code().weight.edit()[i + 2] = 0;
    transform().paired = transform().two_of_four = true;

    Node flat = node(Op::reshape, "flat", {feature});
    const ValueId rows = integer(std::move(flat), s8, 1, {4, 15});
    Node swapped = node(Op::transpose, "swapped", {rows});
    swapped.attributes.axes = {1, 0};
    const ValueId columns = integer(std::move(swapped), s8, 1);
    ValueId x = integer(node(Op::matmul, "gram", {rows, columns}), real, 1);
    const ValueId divisor = constant("divisor", {1, 4}, {1, 2, -3e-20f, 4e10f});
    x = real_node(node(Op::div, "divided", {x, divisor}));
    Node leaky = node(Op::leaky_relu, "leaky", {x});
    leaky.attributes.alpha = 0.01f;
    x = real_node(std::move(leaky));
    Node hard = node(Op::hard_sigmoid, "hard", {x});
    hard.attributes.alpha = 0.2f;
    hard.attributes.beta = 0.5f;
    x = real_node(std::move(hard));
    Node clip = node(Op::clip, "clip", {x});
    clip.attributes.lo = -std::numeric_limits<float>::infinity();
    clip.attributes.hi = 6;
    x = real_node(std::move(clip));
    x = real_node(node(Op::sigmoid, "sigmoid", {real_node(node(Op::relu, "relu", {x}))}));
    Node average_row = node(Op::reduce_mean, "row", {x});
    average_row.attributes.axes = {0};
    x = real_node(std::move(average_row));  // 1x4
    Node dense = node(Op::linear, "dense", {x});
    dense.params = {noise({5, 4}), noise({5})};
    x = real_node(std::move(dense));
    Node total = node(Op::add, "total", {x, scores});
    total.clamp_hi = 1e30f;
    Node softmax = node(Op::softmax, "softmax", {real_node(std::move(total))});
    softmax.attributes.axis = 1;
    g.output = real_node(std::move(softmax));
  }

  static Node node(Op op, std::string name, std::vector<ValueId> inputs) {
    Node n{};
    n.op = op;
    n.name = std::move(name);
    n.inputs = std::move(inputs);
    return n;
  }
  ValueId value(std::string name, Shape shape, ValueCode value_code) {
    model_.values.push_back(value_code);
    return model_.graph.add_value(std::move(name), std::move(shape));
  }
  ValueId constant(std::string name, const Shape& shape, std::vector<float> data) {
    const ValueId id = value(std::move(name), shape, real);
    model_.graph.values.back().constant = std::make_shared<const Tensor>(shape, std::move(data));
    return id;
  }
  LayerCode& code() { return model_.layers.back(); }
  ActivationTransform& transform() {
    ActivationTransform& t = code().transform;
    t.active = true;
    for (std::size_t i = 0; i < 256; ++i) {
      t.pair[i] = static_cast<std::uint8_t>(i / 32 * 16);
      t.lone[i] = static_cast<std::uint8_t>(i / 4 * 2);
    }
    return t;
  }
  Tensor noise(Shape shape) {
    Tensor t(std::move(shape));
    for (float& x : t.data) x = static_cast<float>(random_() % 2001) / 1000 - 1;
    return t;
  }
  ValueId push(Node n, ValueCode out, Shape shape) {
    const std::string name = n.name + "_out";
    n.output = value(name, shape, out);
    if (shape.empty()) model_.graph.values.back().shape = infer_shape(model_.graph, n);
    model_.graph.nodes.push_back(std::move(n));
    model_.layers.emplace_back();
    return model_.graph.nodes.back().output;
  }
  ValueId real_node(Node n) { return push(std::move(n), real, {}); }
  ValueId integer(Node n, ValueCode out, std::size_t multipliers, Shape shape = {}) {
    const ValueId id = push(std::move(n), out, std::move(shape));
    code().integer = true;
    code().lo = out.type == DType::s8 ? -127 : 0;
    code().hi = out.type == DType::s8 ? 127 : 255;
    for (std::size_t i = 0; i < multipliers; ++i) code().multiplier.push_back(0.37f / static_cast<float>(i + 1));
    return id;
  }
  ValueId layer(Node n, Shape weight, ValueCode out, int bits, std::string act_code) {
    n.params = {noise(weight), noise({weight[0]})};
    const auto outputs = static_cast<std::size_t>(weight[0]), count = n.params[0].data.size();
    const ValueId id = integer(std::move(n), out, outputs);
    code().weight_code = "int" + std::to_string(bits);
    code().act_code = std::move(act_code);
    code().weight_bits = bits;
    code().act_bits = 4;
    for (std::size_t i = 0; i < count; ++i)
      code().weight.edit().push_back(
          static_cast<std::int8_t>(static_cast<int>(random_() % (1u << bits)) - (1 << (bits - 1))));
    for (std::size_t i = 0; i < outputs; ++i) {
      code().weight_scale.push_back(0.001f * static_cast<float>(random_() % 100 + 1));
      code().bias.push_back(static_cast<std::int32_t>(random_() % 20001) - 10000);
    }
    return id;
  }

  QuantizedModel model_;
  std::mt19937 random_{5};
};

}  // namespace bitsieve::pack
