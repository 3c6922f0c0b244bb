// Small networks quantized by hand, for the tests of this folder (which is below compress/).
#pragma once
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "methods/methods.h"
#include "methods/uniform/uniform.h"
#include "quant/model.h"
#include "runtime/executor.h"

namespace bitsieve::test {

class TinyNetwork {
 public:
  explicit TinyNetwork(Shape input) {
    graph.name = "tiny";
    graph.input = graph.output = graph.add_value("input", std::move(input));
  }

  // Appends a convolution with padding kernel / 2 and the given weights, OIHW; its output becomes the graph's.
  int conv(const std::string& name, Tensor weight, std::int64_t groups = 1) {
    Node node{};
    node.op = Op::conv;
    node.name = name;
    node.inputs = {graph.output};
    node.attributes.window.kernel = {weight.shape[2], weight.shape[3]};
    node.attributes.window.pad_before = node.attributes.window.pad_after = {weight.shape[2] / 2, weight.shape[3] / 2};
    node.attributes.window.groups = groups;
    node.params = {std::move(weight)};
    node.output = graph.output = graph.add_value(name + "_out", {});
    graph.values.back().shape = infer_shape(graph, node);
    graph.nodes.push_back(std::move(node));
    return static_cast<int>(graph.nodes.size()) - 1;
  }

  // scales[0] is the input's, scales[i + 1] that of node i's output; negative: s8 with the scale's magnitude, 0:
  // float32. Every layer gets int8 weights and its code from `act_codes`, "float" for a layer computed in float.
  QuantizedModel quantized(const std::vector<float>& scales, const std::vector<std::string>& act_codes) const {
    QuantizedModel model = float_model(graph);
    const auto code = [](float s) {
      return ValueCode{s == 0 ? DType::f32 : s < 0 ? DType::s8 : DType::u8, s == 0 ? 1 : std::abs(s)};
    };
    model.values[static_cast<std::size_t>(graph.input)] = code(scales[0]);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      model.values[static_cast<std::size_t>(graph.nodes[i].output)] = code(scales[i + 1]);
      if (act_codes[i] != "float") code_layer(model, i, act_codes[i]);
    }
    return model;
  }

  Graph graph;

 private:
  static void code_layer(QuantizedModel& model, std::size_t i, const std::string& act_code) {
    const Node& node = model.graph.nodes[i];
    const Tensor& w = node.weight();
    const std::int64_t outputs = w.shape[0], k = w.size() / outputs, depth = w.shape[1], taps = k / depth;
    std::vector<float> reordered(w.data.size());
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t j = 0; j < k; ++j) {
        reordered[static_cast<std::size_t>(o * k + j % taps * depth + j / taps)] =
            w.data[static_cast<std::size_t>(o * k + j)];
      }
    }
    const ValueCode in = model.values[static_cast<std::size_t>(node.inputs[0])],
                    out = model.values[static_cast<std::size_t>(node.output)];
    auto weights = uniform::quantize_weights(reordered.data(), outputs, k, 8, uniform::ScaleRule::max_code);
    LayerCode& layer = model.layers[i];
    layer.integer = true;
    layer.weight_code = "int8";
    layer.act_code = act_code;
    layer.weight_bits = 8;
    layer.act_bits = require_activation_code(act_code).bits_of(in.type == DType::s8);
    layer.transform = require_activation_code(act_code).make_transform(in.type == DType::s8);
    layer.weight = std::move(weights.q);
    layer.weight_scale = std::move(weights.scale);
    layer.bias.assign(static_cast<std::size_t>(outputs), 0);
    for (const float s : layer.weight_scale)
      layer.multiplier.push_back(in.scale * s / (out.type == DType::f32 ? 1 : out.scale));
    layer.lo = out.type == DType::s8 ? -127 : 0;
    layer.hi = out.type == DType::s8 ? 127 : 255;
  }
};

}  // namespace bitsieve::test
