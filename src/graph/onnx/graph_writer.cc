#include "graph/onnx/graph_writer.h"

#include <cmath>

#include "base/error.h"

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

onnx::AttributeProto& attribute(onnx::NodeProto& proto, const char* name, onnx::AttributeProto::AttributeType type) {
  auto& a = *proto.add_attribute();
  a.set_name(name);
  a.set_type(type);
  return a;
}

}  // namespace

GraphWriter::GraphWriter(const Graph& graph, std::int64_t batch, bool shapes_do) : graph_(graph) {
  validate(graph, shapes_do);
  model_.set_ir_version(7);
  model_.set_producer_name("bitsieve");
  model_.add_opset_import()->set_version(14);
  out().set_name(graph.name.empty() ? "graph" : graph.name);
  name_values();
  describe(*out().add_input(), graph_.input, batch);
  describe(*out().add_output(), graph_.output, batch);
}

std::string GraphWriter::run() {
  begin();
  for (const Node& n : graph_.nodes) write(n);
  return model_.SerializeAsString();
}

void GraphWriter::fact(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *model_.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

// Values of a graph may share names; those of a file may not.
void GraphWriter::name_values() {
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    std::string name = graph_.values[v].name.empty() ? "value" : graph_.values[v].name;
    while (!used_.insert(name).second) name += "_" + std::to_string(v);
    names_.push_back(name);
  }
}

std::string GraphWriter::fresh(std::string name) {
  while (!used_.insert(name).second) name += "_";
  return name;
}

void GraphWriter::describe(onnx::ValueInfoProto& info, ValueId id, std::int64_t batch) {
  info.set_name(name(id));
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  auto& first = *type.mutable_shape()->add_dim();
  if (batch > 0)
    first.set_dim_value(batch);
  else
    first.set_dim_param("batch");
  for (const std::int64_t extent : graph_.shape(id)) type.mutable_shape()->add_dim()->set_dim_value(extent);
}

void GraphWriter::set(onnx::NodeProto& proto, const char* name, std::int64_t value) {
  attribute(proto, name, onnx::AttributeProto::INT).set_i(value);
}
void GraphWriter::set(onnx::NodeProto& proto, const char* name, float value) {
  attribute(proto, name, onnx::AttributeProto::FLOAT).set_f(value);
}
void GraphWriter::set(onnx::NodeProto& proto, const char* name, const Integers& values) {
  auto& a = attribute(proto, name, onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) a.add_ints(value);
}

onnx::NodeProto& GraphWriter::node(const char* op, const std::string& name, const std::vector<std::string>& inputs,
                                   const std::string& output) {
  auto& proto = *out().add_node();
  proto.set_op_type(op);
  proto.set_name(name);
  for (const std::string& input : inputs) proto.add_input(input);
  proto.add_output(output);
  return proto;
}

bool GraphWriter::is_clamped(const Node& n) { return !std::isinf(n.clamp_lo) || !std::isinf(n.clamp_hi); }

void GraphWriter::write_clamp(const Node& n, const std::string& input, const std::string& output) {
  if (n.clamp_lo == 0 && std::isinf(n.clamp_hi)) {
    node("Relu", fresh(n.name + "_relu"), {input}, output);
    return;
  }
  const std::string low = std::isinf(n.clamp_lo) ? "" : scalar(fresh(n.name + "_low"), n.clamp_lo);
  const std::string high = std::isinf(n.clamp_hi) ? "" : scalar(fresh(n.name + "_high"), n.clamp_hi);
  auto& clip = node("Clip", fresh(n.name + "_clip"), {input, low, high}, output);
  if (high.empty()) clip.mutable_input()->RemoveLast();
}

bool GraphWriter::multiplies_matrices(const Node& layer) const {
  return layer.op == Op::linear && graph_.shape(layer.inputs[0]).size() != 1;
}

void GraphWriter::write_layer(const Node& n, const std::string& input, const std::string& weight,
                              const std::string& bias, const std::string& output) {
  if (multiplies_matrices(n)) {
    const std::string product = bias.empty() ? output : fresh(n.name + "_product");
    node("MatMul", n.name, {input, weight}, product);
    if (!bias.empty()) node("Add", fresh(n.name + "_add"), {product, bias}, output);
    return;
  }
  std::vector<std::string> inputs{input, weight};
  if (!bias.empty()) inputs.push_back(bias);
  auto& proto = node(onnx_name(n.op), n.name, inputs, output);
  if (n.op == Op::linear) {
    set(proto, "transB", std::int64_t{1});
  } else {
    window(proto, n);
  }
}

void GraphWriter::window(onnx::NodeProto& proto, const Node& n) {
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

void GraphWriter::write_operator(const Node& n, std::vector<std::string> inputs, const std::string& output) {
  const Attributes& a = n.attributes;
  const auto extra = [&](const char* what, const Integers& values) {
    inputs.push_back(initializer(fresh(n.name + what), {static_cast<std::int64_t>(values.size())}, values));
  };
  switch (n.op) {
    case Op::batch_norm:
      for (const Tensor& param : n.params) inputs.push_back(constant(fresh(n.name + "_param"), param));
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

}  // namespace bitsieve
