#include "export/qdq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "graph/onnx/graph_writer.h"
#include "quant/weight_facts.h"

namespace bitsieve {
namespace {

int integer(std::uint8_t pattern, DType type) {
  return type == DType::s8 ? static_cast<std::int8_t>(pattern) : static_cast<int>(pattern);
}

// Levels -most to most, or 0 to most, of values that are multiples of a step: what is left of division, rounding and a
// clamp.
struct Levels {
  int step = 0, most = 0;
};

// Where the code is such; no step where it is none.
Levels levels_of(const ActivationTransform& t, DType type) {
  if (t.paired || t.two_of_four) return {};
  const int top = type == DType::s8 ? 127 : 255, bottom = type == DType::s8 ? -top : 0;
  const auto used = [&](int x) { return integer(t.pair[static_cast<std::uint8_t>(x)], type); };
  Levels result;
  for (int x = bottom; x <= top; ++x) {
    result.step = std::gcd(result.step, used(x));
    result.most = std::max(result.most, used(x));
  }
  if (result.step == 0) return {};
  result.most /= result.step;
  for (int x = bottom; x <= top; ++x) {
    const auto level = static_cast<int>(std::nearbyint(static_cast<double>(x) / result.step));
    if (std::clamp(level, bottom == 0 ? 0 : -result.most, result.most) * result.step != used(x)) return {};
  }
  return result;
}

class QdqWriter : public GraphWriter {
 public:
  QdqWriter(const QuantizedModel& model, const QdqOptions& options)
      : GraphWriter(model.graph, options.batch, true), model_(model), options_(options) {
    for (const auto& [key, value] : weight_facts(model)) fact(key, value);
  }

 private:
  const ValueCode& code(ValueId id) const { return model_.values[static_cast<std::size_t>(id)]; }
  bool is_real(ValueId id) const { return code(id).type == DType::f32; }

  void begin() override { quantize(graph().input, name(graph().input)); }

  // Scale and zero point. Each use has its own, so that every operator stands between quantizers that are its alone.
  std::vector<std::string> quantizer(ValueId id, double step = 1) {
    const bool is_signed = code(id).type == DType::s8;
    const std::string scale =
        scalar(fresh(name(id) + "_scale"), static_cast<float>(static_cast<double>(code(id).scale) * step));
    const std::string zero = fresh(name(id) + "_zero");
    if (is_signed && options_.signed_int8) return {scale, scalar(zero, std::int8_t{0})};
    return {scale, scalar(zero, static_cast<std::uint8_t>(is_signed ? 128 : 0))};
  }

  void quantize(ValueId id, const std::string& from) {
    if (is_real(id)) return;
    const auto q = quantizer(id);
    const std::string to = fresh(name(id) + "_quantized");
    node("QuantizeLinear", fresh(name(id) + "_quantize"), {from, q[0], q[1]}, to);
    quantized_[id] = to;
  }

  std::string dequantized(ValueId id, const std::string& from, const std::string& to, double step = 1) {
    const auto q = quantizer(id, step);
    node("DequantizeLinear", fresh(name(id) + "_dequantize"), {from, q[0], q[1]}, to);
    return to;
  }

  // The float value that node `i` reads.
  std::string read(std::size_t i, ValueId id) {
    const LayerCode& layer = model_.layers[i];
    if (graph().is_constant(id)) return operand(id, layer);
    if (is_real(id)) return name(id);
    const std::string& from = quantized_.at(id);
    if (!layer.integer || !layer.transform.active) return dequantized(id, from, fresh(name(id) + "_read"));
    const Levels levels = levels_of(layer.transform, code(id).type);
    if (levels.step == 0)
      fail(
          "layer '{}' reads its values through '{}', which QuantizeLinear cannot say: it depends on the value, not on "
          "the layer; give a model whose activations are int8 or uniform",
          graph().nodes[i].name, layer.act_code);
    const std::string wide = dequantized(id, from, fresh(name(id) + "_wide"));
    const auto q = quantizer(id, levels.step);
    const std::string open = fresh(name(id) + "_open"), few = fresh(name(id) + "_few_bits");
    node("QuantizeLinear", fresh(name(id) + "_quantize"), {wide, q[0], q[1]}, open);
    // Fewer levels are a Clip on the integers (QCDQ). ONNX Runtime makes one of two pairs of nodes in a row, with the
    // finer step; with this between them it leaves them.
    const bool is_signed = code(id).type == DType::s8;
    const std::string low = fresh(few + "_low"), high = fresh(few + "_high");
    if (is_signed && options_.signed_int8) {
      scalar(low, static_cast<std::int8_t>(-levels.most));
      scalar(high, static_cast<std::int8_t>(levels.most));
    } else {
      const int zero = is_signed ? 128 : 0;
      scalar(low, static_cast<std::uint8_t>(is_signed ? zero - levels.most : 0));
      scalar(high, static_cast<std::uint8_t>(zero + levels.most));
    }
    node("Clip", fresh(few + "_clip"), {open, low, high}, few);
    return dequantized(id, few, fresh(name(id) + "_read"), levels.step);
  }

  // A constant operand: its integers, where the node has such.
  std::string operand(ValueId id, const LayerCode& layer) {
    const Tensor& t = *graph().values[static_cast<std::size_t>(id)].constant;
    if (!layer.integer || layer.constant.empty()) {
      std::string& known = constants_[id];
      if (known.empty()) known = constant(fresh(name(id) + "_constant"), t);
      return known;
    }
    double largest = 0;
    for (const float x : t.data) largest = std::max(largest, std::abs(static_cast<double>(x)));
    const std::string what = name(id) + "_constant";
    const std::string scale = scalar(fresh(what + "_scale"), static_cast<float>(largest > 0 ? largest / 127 : 1));
    std::vector<std::string> inputs;
    if (options_.signed_int8) {
      inputs = {initializer(fresh(what), t.shape, layer.constant), scale,
                scalar(fresh(what + "_zero"), std::int8_t{0})};
    } else {
      std::vector<std::uint8_t> moved;
      for (const std::int8_t x : layer.constant) moved.push_back(static_cast<std::uint8_t>(x + 128));
      inputs = {initializer(fresh(what), t.shape, moved), scale, scalar(fresh(what + "_zero"), std::uint8_t{128})};
    }
    const std::string result = fresh(what + "_read");
    node("DequantizeLinear", fresh(what + "_dequantize"), inputs, result);
    return result;
  }

  // Integers with a scale for each entry of `axis`.
  template <class T>
  std::string parameter(const std::string& what, const Shape& shape, const std::vector<T>& values,
                        const std::vector<float>& scale, std::int64_t axis) {
    const auto count = static_cast<std::int64_t>(scale.size());
    const std::vector<std::string> inputs{initializer(fresh(what + "_integers"), shape, values),
                                          initializer(fresh(what + "_scale"), {count}, scale),
                                          initializer(fresh(what + "_zero"), {count}, std::vector<T>(scale.size()))};
    const std::string result = fresh(what);
    set(node("DequantizeLinear", fresh(what + "_dequantize"), inputs, result), "axis", axis);
    return result;
  }

  // Channel-last weights in ONNX's order, with scales above 0 where that is possible.
  void integer_layer(const Node& n, const LayerCode& layer, const std::string& input, const std::string& output) {
    Shape shape = n.weight().shape;
    const auto outputs = static_cast<std::size_t>(shape[0]), depth = static_cast<std::size_t>(shape[1]),
               size = outputs == 0 ? 0 : layer.weight.size() / outputs, taps = depth == 0 ? 0 : size / depth;
    std::vector<std::int8_t> weight(layer.weight.size());
    std::vector<float> scale = layer.weight_scale, bias_scale;
    std::vector<std::int32_t> bias = layer.bias;
    for (std::size_t o = 0; o < outputs; ++o) {
      const auto filter = layer.weight.begin() + static_cast<std::ptrdiff_t>(o * size);
      const bool negate = scale[o] < 0 && std::find(filter, filter + static_cast<std::ptrdiff_t>(size), -128) ==
                                              filter + static_cast<std::ptrdiff_t>(size);
      for (std::size_t t = 0; t < taps; ++t) {
        for (std::size_t c = 0; c < depth; ++c) {
          const int w = layer.weight[o * size + t * depth + c];
          weight[o * size + c * taps + t] = static_cast<std::int8_t>(negate ? -w : w);
        }
      }
      if (negate) {
        scale[o] = -scale[o];
        bias[o] = -bias[o];
      }
      bias_scale.push_back(code(n.inputs[0]).scale * scale[o]);
    }
    const bool matrices = multiplies_matrices(n);
    if (matrices) {
      weight = transposed(weight, shape[0]);
      std::swap(shape[0], shape[1]);
    }
    const std::string weights = parameter(n.name + "_weight", shape, weight, scale, matrices ? 1 : 0),
                      biases = parameter(n.name + "_bias", {static_cast<std::int64_t>(outputs)}, bias, bias_scale, 0);
    write_layer(n, input, weights, biases, output);
  }

  void float_layer(const Node& n, const std::string& input, const std::string& output) {
    Tensor weight = n.weight();
    if (weight.data.empty()) fail("layer '{}' has no float weights", n.name);
    if (multiplies_matrices(n)) {
      weight.data = transposed(weight.data, weight.shape[0]);
      std::swap(weight.shape[0], weight.shape[1]);
    }
    const std::string weights = constant(fresh(n.name + "_weight"), weight);
    write_layer(n, input, weights, n.bias() == nullptr ? "" : constant(fresh(n.name + "_bias"), *n.bias()), output);
  }

  // Whether the clamp does more than rounding to the ends of the codes does anyway.
  bool needs_clamp(const Node& n) const {
    if (is_real(n.output)) return is_clamped(n);
    const ValueCode& out = code(n.output);
    const bool low = std::isfinite(n.clamp_lo) && !(out.type == DType::u8 && n.clamp_lo == 0);
    const double top = static_cast<double>(out.scale) * (out.type == DType::u8 ? 255 : 127);
    return low || (std::isfinite(n.clamp_hi) && static_cast<double>(n.clamp_hi) < top * 0.9999);
  }

  // The mean of a plane has an operator of its own, which other runtimes have in integers.
  bool is_mean_of_plane(const Node& n) const {
    return n.op == Op::reduce_mean && graph().shape(n.inputs[0]).size() == 3 &&
           n.attributes.axes == std::vector<std::int64_t>{1, 2};
  }

  void mean_of_plane(const Node& n, const std::string& input, const std::string& output) {
    if (n.attributes.keep_dims) {
      node("GlobalAveragePool", n.name, {input}, output);
      return;
    }
    std::string plane = fresh(n.name + "_plane");
    node("GlobalAveragePool", n.name, {input}, plane);
    if (!is_real(n.output)) {  // the plane is dropped from the integers
      const auto q = quantizer(n.output);
      const std::string small = fresh(n.name + "_plane_quantized");
      node("QuantizeLinear", fresh(n.name + "_plane_quantize"), {plane, q[0], q[1]}, small);
      plane = dequantized(n.output, small, fresh(n.name + "_plane_read"));
    }
    const std::string shape = fresh(n.name + "_shape");
    initializer(shape, {2}, Integers{0, graph().shape(n.output).at(0)});
    node("Reshape", fresh(n.name + "_reshape"), {plane, shape}, output);
  }

  void write(const Node& n) override {
    const auto i = static_cast<std::size_t>(&n - graph().nodes.data());
    const LayerCode& layer = model_.layers[i];
    std::vector<std::string> inputs;
    for (const ValueId id : n.inputs) inputs.push_back(read(i, id));
    const bool real = is_real(n.output), clamp = needs_clamp(n);
    const std::string result = real ? name(n.output) : fresh(name(n.output) + "_float");
    const std::string open = clamp ? fresh(n.name + "_before_clamp") : result;
    if (has_weights(n) && layer.integer)
      integer_layer(n, layer, inputs[0], open);
    else if (has_weights(n))
      float_layer(n, inputs[0], open);
    else if (is_mean_of_plane(n))
      mean_of_plane(n, inputs[0], open);
    else
      write_operator(n, inputs, open);
    if (clamp) write_clamp(n, open, result);
    quantize(n.output, result);
    if (!real && n.output == graph().output) dequantized(n.output, quantized_.at(n.output), name(n.output));
  }

  const QuantizedModel& model_;
  const QdqOptions options_;
  std::map<ValueId, std::string> quantized_, constants_;
};

}  // namespace

std::string write_qdq(const QuantizedModel& model, const QdqOptions& options) {
  return QdqWriter(model, options).run();
}

}  // namespace bitsieve
