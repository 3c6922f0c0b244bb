#include "graph/onnx/writer.h"

#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "graph/passes/passes.h"

namespace bitsieve {
namespace {

using Integers = std::vector<std::int64_t>;

Integers behind_batch(Integers axes) {
  for (std::int64_t& axis : axes) ++axis;
  return axes;
}

Integers joined(const std::array<std::int64_t, 2>& a, const std::array<std::int64_t, 2>& b) {
  return {a[0], a[1], b[0], b[1]};
}

const char* onnx_name(Op op) {
  switch (op) {
    case Op::conv:
      return "Conv";
    case Op::linear:
      return "Gemm";
    case Op::matmul:
      return "MatMul";
    case Op::batch_norm:
      return "BatchNormalization";
    case Op::relu:
      return "Relu";
    case Op::leaky_relu:
      return "LeakyRelu";
    case Op::clip:
      return "Clip";
    case Op::sigmoid:
      return "Sigmoid";
    case Op::hard_sigmoid:
      return "HardSigmoid";
    case Op::hard_swish:
      return "HardSwish";
    case Op::add:
      return "Add";
    case Op::sub:
      return "Sub";
    case Op::mul:
      return "Mul";
    case Op::div:
      return "Div";
    case Op::concat:
      return "Concat";
    case Op::slice:
      return "Slice";
    case Op::pad:
      return "Pad";
    case Op::max_pool:
      return "MaxPool";
    case Op::average_pool:
      return "AveragePool";
    case Op::reduce_mean:
      return "ReduceMean";
    case Op::reshape:
      return "Reshape";
    case Op::transpose:
      return "Transpose";
    case Op::softmax:
      return "Softmax";
  }
  fail("an operator that ONNX files have no name for");
}

class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph) {
    validate(graph);
    model_.set_ir_version(7);
    model_.set_producer_name("bitsieve");
    model_.add_opset_import()->set_version(14);
    out().set_name(graph.name.empty() ? "graph" : graph.name);
    name_values();
  }

  std::string run() {
    describe(*out().add_input(), graph_.input);
    describe(*out().add_output(), graph_.output);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (graph_.values[v].constant) constant(names_[v], *graph_.values[v].constant);
    }
    for (const Node& node : graph_.nodes) write(node);
    return model_.SerializeAsString();
  }

 private:
  onnx::GraphProto& out() { return *model_.mutable_graph(); }

  // Values of a graph may share names; those of a file may not.
  void name_values() {
    std::set<std::string> used;
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      std::string name = graph_.values[v].name.empty() ? "value" : graph_.values[v].name;
      while (!used.insert(name).second) name += "_" + std::to_string(v);
      names_.push_back(name);
    }
    used_ = std::move(used);
  }

  std::string fresh(std::string name) {
    while (!used_.insert(name).second) name += "_";
    return name;
  }

  const std::string& name(ValueId id) const { return names_[static_cast<std::size_t>(id)]; }

  void describe(onnx::ValueInfoProto& info, ValueId id) {
    info.set_name(name(id));
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("batch");
    for (const std::int64_t extent : graph_.shape(id)) type.mutable_shape()->add_dim()->set_dim_value(extent);
  }

  template <class T>
  std::string initializer(const std::string& name, const Shape& shape, const std::vector<T>& data, int type) {
    auto& tensor = *out().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    tensor.set_raw_data(std::string(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T)));
    return name;
  }
  std::string constant(const std::string& name, const Tensor& t) {
    return initializer(name, t.shape, t.data, onnx::TensorProto::FLOAT);
  }
  std::string constant(const std::string& name, const Integers& values) {
    return initializer(name, {static_cast<std::int64_t>(values.size())}, values, onnx::TensorProto::INT64);
  }
  std::string scalar(const std::string& name, float value) {
    return initializer(name, {}, std::vector<float>{value}, onnx::TensorProto::FLOAT);
  }

  static onnx::AttributeProto& attribute(onnx::NodeProto& proto, const char* name,
                                         onnx::AttributeProto::AttributeType type) {
    auto& a = *proto.add_attribute();
    a.set_name(name);
    a.set_type(type);
    return a;
  }
  static void set(onnx::NodeProto& proto, const char* name, std::int64_t value) {
    attribute(proto, name, onnx::AttributeProto::INT).set_i(value);
  }
  static void set(onnx::NodeProto& proto, const char* name, float value) {
    attribute(proto, name, onnx::AttributeProto::FLOAT).set_f(value);
  }
  static void set(onnx::NodeProto& proto, const char* name, const Integers& values) {
    auto& a = attribute(proto, name, onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) a.add_ints(value);
  }

  onnx::NodeProto& node(const char* op, const std::string& name, const std::vector<std::string>& inputs,
                        const std::string& output) {
    auto& proto = *out().add_node();
    proto.set_op_type(op);
    proto.set_name(name);
    for (const std::string& input : inputs) proto.add_input(input);
    proto.add_output(output);
    return proto;
  }

  // The node, then its norm and its clamp where it has them.
  void write(const Node& n) {
    const bool relu = n.clamp_lo == 0 && std::isinf(n.clamp_hi),
               clamped = !std::isinf(n.clamp_lo) || !std::isinf(n.clamp_hi);
    std::string last = clamped ? fresh(n.name + "_before_clamp") : name(n.output);
    if (n.norm && has_weights(n)) {
      const std::string before = fresh(n.name + "_before_norm");
      const Unfolded raw = unfold_norm(n);
      layer(n, raw.weight, raw.bias ? &*raw.bias : nullptr, before);
      normalize(n, before, last);
    } else if (has_weights(n)) {
      layer(n, n.weight(), n.bias(), last);
    } else {
      other(n, last);
    }
    if (!clamped) return;
    if (relu) {
      node("Relu", fresh(n.name + "_relu"), {last}, name(n.output));
      return;
    }
    const std::string low = std::isinf(n.clamp_lo) ? "" : scalar(fresh(n.name + "_low"), n.clamp_lo);
    const std::string high = std::isinf(n.clamp_hi) ? "" : scalar(fresh(n.name + "_high"), n.clamp_hi);
    auto& clip = node("Clip", fresh(n.name + "_clip"), {last, low, high}, name(n.output));
    if (high.empty()) clip.mutable_input()->RemoveLast();
  }

  void normalize(const Node& n, const std::string& input, const std::string& output) {
    const auto channels = [&](const char* what, const std::vector<float>& values) {
      return initializer(fresh(n.name + what), {static_cast<std::int64_t>(values.size())}, values,
                         onnx::TensorProto::FLOAT);
    };
    auto& proto = node("BatchNormalization", fresh(n.name + "_norm"),
                       {input, channels("_gamma", n.norm->gamma), channels("_beta", n.norm->beta),
                        channels("_mean", n.norm->mean), channels("_variance", n.norm->variance)},
                       output);
    set(proto, "epsilon", n.norm->epsilon);
  }

  void layer(const Node& n, const Tensor& weight, const Tensor* bias, const std::string& output) {
    std::vector<std::string> inputs{name(n.inputs[0])};
    if (n.op == Op::linear && graph_.shape(n.inputs[0]).size() != 1) {
      // Gemm multiplies matrices only.
      Tensor turned({weight.shape[1], weight.shape[0]}, 0.0f);
      for (std::int64_t o = 0; o < weight.shape[0]; ++o) {
        for (std::int64_t k = 0; k < weight.shape[1]; ++k)
          turned.data[static_cast<std::size_t>(k * weight.shape[0] + o)] =
              weight.data[static_cast<std::size_t>(o * weight.shape[1] + k)];
      }
      inputs.push_back(constant(fresh(n.name + "_weight"), turned));
      const std::string product = bias == nullptr ? output : fresh(n.name + "_product");
      node("MatMul", n.name, inputs, product);
      if (bias != nullptr)
        node("Add", fresh(n.name + "_add"), {product, constant(fresh(n.name + "_bias"), *bias)}, output);
      return;
    }
    inputs.push_back(constant(fresh(n.name + "_weight"), weight));
    if (bias != nullptr) inputs.push_back(constant(fresh(n.name + "_bias"), *bias));
    auto& proto = node(onnx_name(n.op), n.name, inputs, output);
    if (n.op == Op::linear) {
      set(proto, "transB", std::int64_t{1});
    } else {
      window(proto, n);
    }
  }

  static void window(onnx::NodeProto& proto, const Node& n) {
    const Window& w = n.attributes.window;
    set(proto, "kernel_shape", Integers{w.kernel[0], w.kernel[1]});
    set(proto, "strides", Integers{w.stride[0], w.stride[1]});
    set(proto, "pads", joined(w.pad_before, w.pad_after));
    if (n.op == Op::average_pool) {
      set(proto, "count_include_pad", std::int64_t{w.count_include_pad});
    } else {
      set(proto, "dilations", Integers{w.dilation[0], w.dilation[1]});
    }
    if (n.op == Op::conv) set(proto, "group", w.groups);
  }

  void other(const Node& n, const std::string& output) {
    const Attributes& a = n.attributes;
    std::vector<std::string> inputs;
    for (const ValueId id : n.inputs) inputs.push_back(name(id));
    const auto extra = [&](const char* what, const auto& values) {
      inputs.push_back(constant(fresh(n.name + what), values));
    };
    switch (n.op) {
      case Op::batch_norm:
        for (const Tensor& param : n.params) extra("_param", param);
        break;
      case Op::clip:
        inputs.push_back(std::isinf(a.lo) ? "" : scalar(fresh(n.name + "_low"), a.lo));
        if (!std::isinf(a.hi)) inputs.push_back(scalar(fresh(n.name + "_high"), a.hi));
        break;
      case Op::slice: {
        Integers axes;
        for (std::size_t i = 0; i < a.starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i) + 1);
        extra("_starts", a.starts);
        extra("_ends", a.ends);
        extra("_axes", axes);
        extra("_steps", a.steps);
        break;
      }
      case Op::pad: {
        Integers pads{0};
        pads.insert(pads.end(), a.before.begin(), a.before.end());
        pads.push_back(0);
        pads.insert(pads.end(), a.after.begin(), a.after.end());
        extra("_pads", pads);
        inputs.push_back(scalar(fresh(n.name + "_value"), a.value));
        break;
      }
      case Op::reshape: {
        Integers shape = graph_.shape(n.output);
        shape.insert(shape.begin(), 0);  // the batch, as it comes
        extra("_shape", shape);
        break;
      }
      default:
        break;
    }
    auto& proto = node(onnx_name(n.op), n.name, inputs, output);
    switch (n.op) {
      case Op::batch_norm:
        set(proto, "epsilon", a.epsilon);
        break;
      case Op::leaky_relu:
        set(proto, "alpha", a.alpha);
        break;
      case Op::hard_sigmoid:
        set(proto, "alpha", a.alpha);
        set(proto, "beta", a.beta);
        break;
      case Op::concat:
      case Op::softmax:
        set(proto, "axis", a.axis + 1);
        break;
      case Op::max_pool:
      case Op::average_pool:
        window(proto, n);
        break;
      case Op::reduce_mean:
        set(proto, "axes", behind_batch(a.axes));
        set(proto, "keepdims", std::int64_t{a.keep_dims});
        break;
      case Op::transpose: {
        Integers axes = behind_batch(a.axes);
        axes.insert(axes.begin(), 0);
        set(proto, "perm", axes);
        break;
      }
      default:
        break;
    }
  }

  const Graph& graph_;
  onnx::ModelProto model_;
  std::vector<std::string> names_;  // by value
  std::set<std::string> used_;
};

}  // namespace

std::string write_onnx(const Graph& graph) { return Writer(graph).run(); }

void save_onnx(const std::string& path, const Graph& graph) { write_file_atomically(path, write_onnx(graph)); }

}  // namespace bitsieve
