// For the runtime's tests: small quantized networks with random integers in them.
#pragma once
#include <cmath>
#include <random>
#include <string>

#include "base/error.h"
#include "methods/methods.h"
#include "quant/model.h"
#include "runtime/executor.h"
#include "runtime/reference/ops.h"

namespace bitsieve::test {

class Builder {
 public:
  explicit Builder(std::uint32_t seed) : random_(seed) {}

  QuantizedModel model;

  void input(const Shape& shape, DType type) {
    model.graph.name = "random";
    model.graph.input = last_ = add(shape, type);
  }

  // An image that spreads over the codes of the input, with many zeros.
  std::vector<float> image() const {
    std::mt19937 random(9);
    const ValueCode& code = model.values[static_cast<std::size_t>(model.graph.input)];
    const bool is_float = code.type == DType::f32;
    std::vector<float> x(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input))));
    for (float& v : x) {
      const float unit = static_cast<float>(static_cast<int>(random() % 2001)) / 1000.0f - 1;
      v = random() % 3 == 0 ? 0.0f
          : is_float        ? unit
                            : (code.type == DType::u8 ? std::abs(unit) * 270 : unit * 140) * code.scale;
    }
    return x;
  }

  // code: "float", a row of the table of activation codes, or "2:4" (sparq-5opt-round on kept weights).
  void conv(const Window& window, std::int64_t channels, DType type, const std::string& code) {
    const Shape in = model.graph.shape(last_);
    Node node = start(Op::conv);
    node.attributes.window = window;
    weights(node, {channels, in[0] / window.groups, window.kernel[0], window.kernel[1]}, type, code);
  }

  void linear(std::int64_t channels, DType type, const std::string& code) {
    Node node = start(Op::linear);
    weights(node, {channels, model.graph.shape(last_).back()}, type, code);
  }

  // x times its own last two axes exchanged.
  void matmul(DType type, bool integer) {
    const ValueId x = last_;
    const std::size_t rank = model.graph.shape(x).size();
    Node turn = start(Op::transpose);
    for (std::size_t i = 0; i < rank; ++i) turn.attributes.axes.push_back(static_cast<std::int64_t>(i));
    std::swap(turn.attributes.axes[rank - 1], turn.attributes.axes[rank - 2]);
    LayerCode same = clamp_of(model.values[static_cast<std::size_t>(x)].type);
    same.integer = integer;
    same.multiplier = {1};
    finish(turn, model.values[static_cast<std::size_t>(x)].type, same);
    Node node = start(Op::matmul);
    node.inputs = {x, last_};
    LayerCode layer = clamp_of(type);
    layer.integer = integer;
    layer.multiplier = {0.002f};
    finish(node, type, layer);
  }

  static constexpr int kinds = 26;

  // One of the other operators on the last value; false where it does not fit.
  bool other(int kind, DType type, bool integer) {
    const Shape in = model.graph.shape(last_);
    const ValueId x = last_;
    const DType in_type = model.values[static_cast<std::size_t>(x)].type;
    if (kind == 18 || kind == 19 || kind == 25) {  // a second operand: per channel, or one value of the plane per pixel
      input_like(kind == 18   ? Shape{in[0], 1, 1}
                 : kind == 19 ? Shape{1, in[1], in[2]}
                              : Shape{in[1], in[2]},
                 in_type, integer);
    }
    static const Op ops[] = {
        Op::relu,  Op::leaky_relu, Op::clip,     Op::sigmoid,      Op::hard_sigmoid, Op::hard_swish,  Op::add,
        Op::sub,   Op::mul,        Op::max_pool, Op::average_pool, Op::average_pool, Op::reduce_mean, Op::concat,
        Op::slice, Op::pad,        Op::reshape,  Op::transpose,    Op::mul,          Op::add,         Op::add,
        Op::mul,   Op::sub,        Op::softmax,  Op::div,          Op::add};
    Node node = start(ops[kind]);
    Attributes& a = node.attributes;
    LayerCode layer = clamp_of(type);
    layer.integer = integer;
    layer.operand = {16384, node.op == Op::sub ? -9001 : 12345};
    layer.multiplier = {node.op == Op::add || node.op == Op::sub ? 1.0f / 32768 : 0.011f};
    switch (node.op) {
      case Op::relu:
      case Op::sigmoid:
      case Op::hard_swish:
      case Op::leaky_relu:
      case Op::clip:
      case Op::hard_sigmoid:
        a.alpha = 0.2f;
        a.beta = 0.5f;
        a.lo = -0.25f;
        a.hi = 0.6f;
        for (int i = 0; i < 256; ++i) layer.table.push_back(static_cast<std::uint8_t>(random_()));
        break;
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
        if (kind == 18 || kind == 19 || kind == 25) {
          node.inputs = {x, last_};
        } else if (kind >= 20) {  // a constant: per channel, alone, full, in front
          const Shape shapes[] = {{in[0], 1, 1}, {1}, in, {}, in};
          const Shape shape = shapes[kind - 20];
          const ValueId constant = add(shape, DType::f32);
          Tensor values(shape);
          for (float& v : values.data) v = 0.25f + static_cast<float>(random_() % 1000) / 500;
          for (std::size_t i = 0; i < values.data.size(); ++i)
            layer.constant.push_back(static_cast<std::int8_t>(static_cast<int>(random_() % 255) - 127));
          model.graph.values[static_cast<std::size_t>(constant)].constant = std::make_shared<const Tensor>(values);
          if (kind == 22) {
            node.inputs = {constant, x};
          } else {
            node.inputs = {x, constant};
          }
        } else {
          node.inputs = {x, x};
        }
        if (node.op == Op::add && !integer) node.clamp_lo = 0;
        if (integer && node.op == Op::div) return false;
        break;
      case Op::max_pool:
      case Op::average_pool:
        if (in[1] < 3 || in[2] < 3) return false;
        if (integer && node.op == Op::max_pool && type != in_type) return false;
        a.window.kernel = {3, 2};
        a.window.stride = {2, 1};
        a.window.pad_before = {1, 0};
        a.window.pad_after = {0, 1};
        a.window.count_include_pad = kind == 11;
        for (int n = 1; n <= 6; ++n) layer.multiplier.push_back(0.9f / static_cast<float>(n));
        break;
      case Op::reduce_mean:
        a.axes = {1, 2};
        a.keep_dims = true;
        break;
      case Op::concat:
        a.axis = static_cast<std::int64_t>(random_() % 3);
        node.inputs = {x, x};
        layer.multiplier = {1, 0.7f};
        break;
      case Op::slice:
        a.starts = {0, 0, in[2] / 2};
        a.ends = in;
        a.steps = {2, 1, 1};
        layer.multiplier = {1};
        break;
      case Op::pad:
        a.before = {0, 1, 2};
        a.after = {1, 0, 3};
        a.value = 0.4f;
        layer.multiplier = {0.8f};
        break;
      case Op::transpose:
        a.axes = {2, 0, 1};
        layer.multiplier = {1};
        break;
      case Op::softmax:
        if (integer) return false;
        a.axis = 0;
        break;
      default:
        layer.multiplier = {0.6f};
    }
    if (node.op == Op::reshape) {
      const Shape flat{element_count(in)};
      finish(node, type, layer, &flat);
    } else {
      finish(node, type, layer);
    }
    return true;
  }

 private:
  ValueId add(const Shape& shape, DType type) {
    model.values.push_back({type, type == DType::f32 ? 1.0f : 0.0123f});
    return model.graph.add_value("v" + std::to_string(model.graph.values.size()), shape);
  }

  Node start(Op op) {
    Node node;
    node.op = op;
    node.name = "n" + std::to_string(model.graph.nodes.size());
    node.inputs = {last_};
    return node;
  }

  void finish(Node node, DType type, LayerCode layer, const Shape* shape = nullptr) {
    node.output = last_ = add(shape ? *shape : infer_shape(model.graph, node), type);
    model.graph.output = last_;
    model.graph.nodes.push_back(std::move(node));
    model.layers.push_back(std::move(layer));
  }

  static LayerCode clamp_of(DType type) {
    LayerCode layer;
    layer.lo = type == DType::s8 ? -127 : 0;
    layer.hi = type == DType::s8 ? 127 : 255;
    return layer;
  }

  // A value of this shape made from the last one: a slice or a mean over axes that are not asked for.
  void input_like(const Shape& shape, DType type, bool integer) {
    Node node = start(Op::slice);
    const Shape in = model.graph.shape(last_);
    const Shape wide = shape.size() == 3 ? shape : Shape{1, shape[0], shape[1]};
    node.attributes.starts = {0, 0, 0};
    node.attributes.ends = wide;
    node.attributes.steps = {1, 1, 1};
    LayerCode layer = clamp_of(type);
    layer.integer = integer;
    layer.multiplier = {1};
    finish(node, type, layer);
    if (shape.size() == 3) return;
    Node flat = start(Op::reshape);
    finish(flat, type, layer, &shape);
  }

  void weights(Node& node, const Shape& shape, DType type, const std::string& code) {
    const std::int64_t outputs = shape[0], k = element_count(shape) / outputs;
    Tensor w(shape), bias({outputs});
    for (float& v : w.data) v = static_cast<float>(static_cast<int>(random_() % 2001) - 1000) / 1000;
    for (float& v : bias.data) v = static_cast<float>(static_cast<int>(random_() % 2001) - 1000) / 300;
    node.params = {w, bias};
    if (random_() % 2) node.clamp_lo = 0;
    if (random_() % 3 == 0) node.clamp_hi = 6;
    LayerCode layer = clamp_of(type);
    if (code != "float") {
      layer.integer = true;
      const bool two_of_four = code == "2:4";
      const DType in = model.values[static_cast<std::size_t>(last_)].type;
      layer.transform =
          require_activation_code(two_of_four ? "sparq-5opt-round" : code).make_transform(in == DType::s8);
      layer.transform.two_of_four = two_of_four;
      for (std::int64_t i = 0; i < outputs * k; ++i)
        layer.weight.edit().push_back(static_cast<std::int8_t>(static_cast<int>(random_() % 256) - 128));
      if (two_of_four) {
        for (std::int64_t o = 0; o < outputs; ++o) {
          for (std::int64_t i = 0; i < k; ++i) {
            const std::int64_t group = static_cast<std::int64_t>(o * 7 + i / 4);
            if (i % 4 == group % 4 || i % 4 == (group + 1 + group / 4 % 3) % 4)
              layer.weight.edit()[static_cast<std::size_t>(o * k + i)] = 0;
          }
        }
      }
      for (std::int64_t o = 0; o < outputs; ++o) {
        layer.bias.push_back(static_cast<std::int32_t>(random_() % 20001) - 10000);
        // Of either sign, as those of shared shifts are.
        layer.multiplier.push_back((random_() % 4 == 0 ? -0.5f : 0.5f) /
                                   (static_cast<float>(k) * 20 + static_cast<float>(random_() % 200)));
      }
    }
    finish(node, type, layer);
  }

  std::mt19937 random_;
  ValueId last_ = -1;
};

}  // namespace bitsieve::test
