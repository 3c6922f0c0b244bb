#include "peers/qdq.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "peers/proto.h"

namespace bitsieve::bench {
namespace {

using Integers = std::vector<std::int64_t>;

class Writer {
 public:
  explicit Writer(const QuantizedModel& model)
      : model_(model), graph_(model.graph), out_(graph_.name, "image", graph_.shape(graph_.input), "scores") {}

  std::string run() {
    quantize(graph_.input, "image");
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) write(i);
    return out_.bytes();
  }

 private:
  const ValueCode& code(ValueId id) const { return model_.values[static_cast<std::size_t>(id)]; }
  bool is_real(ValueId id) const { return code(id).type == DType::f32; }

  // Names of the float result of a node and of its 8-bit form.
  std::string real_name(ValueId id) const { return id == graph_.output ? "scores" : fmt::format("r{}", id); }
  std::string byte_name(ValueId id) const { return fmt::format("q{}", id); }

  // Scale and zero point; made anew for each use, so that every operator has quantizers of its own.
  std::vector<std::string> quantizer(ValueId id) {
    const int n = ++uses_;
    return {out_.scalar(fmt::format("s{}", n), code(id).scale),
            out_.scalar(fmt::format("z{}", n), static_cast<std::uint8_t>(code(id).type == DType::s8 ? 128 : 0))};
  }

  void quantize(ValueId id, const std::string& from) {
    if (is_real(id)) return;
    const auto q = quantizer(id);
    out_.node("QuantizeLinear", {from, q[0], q[1]}, byte_name(id));
  }

  std::string input(ValueId id) {
    if (is_real(id)) return id == graph_.input ? "image" : real_name(id);
    const auto q = quantizer(id);
    const std::string name = fmt::format("d{}", uses_);
    out_.node("DequantizeLinear", {byte_name(id), q[0], q[1]}, name);
    return name;
  }

  // Integers [o][...] with a scale per o, as a float value.
  template <class T>
  std::string constant(const std::string& name, const Integers& shape, const std::vector<T>& values,
                       const std::vector<float>& scale) {
    const auto outputs = static_cast<std::int64_t>(scale.size());
    auto& n = out_.node("DequantizeLinear",
                        {out_.constant(name + "_q", shape, values), out_.constant(name + "_s", {outputs}, scale),
                         out_.constant(name + "_z", {outputs}, std::vector<T>(scale.size()))},
                        name);
    ModelWriter::integer(n, "axis", 0);
    return name;
  }

  std::vector<std::string> parameters(const Node& node, const LayerCode& layer) {
    const Shape& shape = node.weight().shape;
    const std::int64_t outputs = shape[0], k = node.weight().size() / outputs;
    const std::int64_t depth = shape.size() == 4 ? shape[1] : k, taps = k / depth;
    std::vector<std::int8_t> weight(layer.weight.size());
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t t = 0; t < taps; ++t) {
        for (std::int64_t c = 0; c < depth; ++c) {
          weight[static_cast<std::size_t>((o * depth + c) * taps + t)] =
              layer.weight[static_cast<std::size_t>((o * taps + t) * depth + c)];
        }
      }
    }
    std::vector<float> bias_scale;
    for (const float s : layer.weight_scale) bias_scale.push_back(code(node.inputs[0]).scale * s);
    const std::string name = fmt::format("p{}", node.output);
    return {constant(name + "w", shape, weight, layer.weight_scale),
            constant(name + "b", {outputs}, layer.bias, bias_scale)};
  }

  static void window(onnx::NodeProto& n, const Window& w, bool dilated) {
    ModelWriter::integers(n, "kernel_shape", {w.kernel[0], w.kernel[1]});
    ModelWriter::integers(n, "strides", {w.stride[0], w.stride[1]});
    ModelWriter::integers(n, "pads", {w.pad_before[0], w.pad_before[1], w.pad_after[0], w.pad_after[1]});
    if (dilated) ModelWriter::integers(n, "dilations", {w.dilation[0], w.dilation[1]});
  }

  // A clamp that quantization does not do anyway (rounding towards the ends of the range of codes is one).
  std::string clamped(const Node& node, const std::string& from) {
    const ValueCode& out = code(node.output);
    const bool low = std::isfinite(node.clamp_lo) && !(out.type == DType::u8 && node.clamp_lo == 0);
    const float top = out.type == DType::f32 ? INFINITY : out.scale * (out.type == DType::u8 ? 255.0f : 127.0f);
    const bool high = std::isfinite(node.clamp_hi) && node.clamp_hi < top * 0.9999f;
    if (!low && !high) return from;
    const std::string name = real_name(node.output);
    out_.node("Clip", {from, out_.scalar("lo_" + name, node.clamp_lo), out_.scalar("hi_" + name, node.clamp_hi)}, name);
    return name;
  }

  void write(std::size_t i) {
    const Node& node = graph_.nodes[i];
    const LayerCode& layer = model_.layers[i];
    const bool clamps = std::isfinite(node.clamp_lo) || std::isfinite(node.clamp_hi);
    const std::string name = real_name(node.output) + (clamps ? "_open" : "");
    std::vector<std::string> inputs;
    for (const ValueId id : node.inputs) {
      if (graph_.is_constant(id)) fail("node '{}': constants as operands have no form here", node.name);
      inputs.push_back(input(id));
    }
    const Window& w = node.attributes.window;
    switch (node.op) {
      case Op::conv:
      case Op::linear: {
        if (!layer.integer || layer.weight_bits > 8)
          fail("node '{}': layers without integers have no form here", node.name);
        for (const std::string& p : parameters(node, layer)) inputs.push_back(p);
        auto& n = out_.node(node.op == Op::conv ? "Conv" : "Gemm", inputs, name);
        if (node.op == Op::linear) {
          ModelWriter::integer(n, "transB", 1);
        } else {
          window(n, w, true);
          ModelWriter::integer(n, "group", w.groups);
        }
        break;
      }
      case Op::add:
        out_.node("Add", inputs, name);
        break;
      case Op::relu:
        out_.node("Relu", inputs, name);
        break;
      case Op::max_pool:
        window(out_.node("MaxPool", inputs, name), w, false);
        break;
      case Op::average_pool: {
        auto& n = out_.node("AveragePool", inputs, name);
        window(n, w, false);
        ModelWriter::integer(n, "count_include_pad", w.count_include_pad);
        break;
      }
      case Op::concat:
        ModelWriter::integer(out_.node("Concat", inputs, name), "axis", node.attributes.axis + 1);
        break;
      case Op::reduce_mean:
        if (node.attributes.keep_dims) {
          out_.node("GlobalAveragePool", inputs, name);
        } else {
          // Pool, then drop the plane on the 8-bit value.
          out_.node("GlobalAveragePool", inputs, name + "_plane");
          reshape(node, name + "_plane", name);
        }
        break;
      case Op::reshape:
        reshape(node, inputs[0], name);
        break;
      case Op::softmax:
        ModelWriter::integer(out_.node("Softmax", inputs, name), "axis", node.attributes.axis + 1);
        break;
      default:
        fail("node '{}': {} has no form here", node.name, op_name(node.op));
    }
    quantize(node.output, clamps ? keep(node, name) : name);
  }

  void reshape(const Node& node, const std::string& from, const std::string& to) {
    Integers shape{1};
    for (const std::int64_t d : graph_.shape(node.output)) shape.push_back(d);
    out_.node("Reshape", {from, out_.constant("shape_" + to, {static_cast<std::int64_t>(shape.size())}, shape)}, to);
  }

  // The clamp's result. A float one has to carry the value's name even where there is nothing to clamp.
  std::string keep(const Node& node, const std::string& open) {
    const std::string name = clamped(node, open);
    if (name == open && is_real(node.output)) out_.node("Identity", {open}, real_name(node.output));
    return name;
  }

  const QuantizedModel& model_;
  const Graph& graph_;
  ModelWriter out_;
  int uses_ = 0;
};

}  // namespace

std::string write_qdq(const QuantizedModel& model) { return Writer(model).run(); }

}  // namespace bitsieve::bench
