// Writes ONNX models node by node; for the peers' input and the made-up networks of this folder.
#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bitsieve::bench {

class ModelWriter {
 public:
  // One float input of shape (1, shape...) and one float output without a stated shape.
  ModelWriter(const std::string& name, const std::string& input, const std::vector<std::int64_t>& shape,
              const std::string& output) {
    proto_.set_ir_version(8);
    proto_.set_producer_name("bitsieve bench");
    auto& opset = *proto_.add_opset_import();
    opset.set_domain("");
    opset.set_version(13);
    graph().set_name(name);
    auto& x = *graph().add_input();
    x.set_name(input);
    auto& type = *x.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_value(1);
    for (const std::int64_t d : shape) type.mutable_shape()->add_dim()->set_dim_value(d);
    auto& y = *graph().add_output();
    y.set_name(output);
    y.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  }

  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
    auto& n = *graph().add_node();
    n.set_op_type(op);
    n.set_name(op + "_" + output);
    for (const std::string& name : inputs) n.add_input(name);
    n.add_output(output);
    return n;
  }

  static void integer(onnx::NodeProto& n, const std::string& name, std::int64_t value) {
    auto& a = *n.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::INT);
    a.set_i(value);
  }

  static void integers(onnx::NodeProto& n, const std::string& name, const std::vector<std::int64_t>& values) {
    auto& a = *n.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t v : values) a.add_ints(v);
  }

  // A constant; returns its name. T: float, std::int8_t, std::uint8_t, std::int32_t, std::int64_t.
  template <class T>
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(type_of(T{}));
    for (const std::int64_t d : shape) t.add_dims(d);
    t.set_raw_data(values.data(), values.size() * sizeof(T));
    return name;
  }
  template <class T>
  std::string scalar(const std::string& name, T value) {
    return constant<T>(name, {}, {value});
  }

  std::string bytes() const { return proto_.SerializeAsString(); }

 private:
  static onnx::TensorProto::DataType type_of(float) { return onnx::TensorProto::FLOAT; }
  static onnx::TensorProto::DataType type_of(std::int8_t) { return onnx::TensorProto::INT8; }
  static onnx::TensorProto::DataType type_of(std::uint8_t) { return onnx::TensorProto::UINT8; }
  static onnx::TensorProto::DataType type_of(std::int32_t) { return onnx::TensorProto::INT32; }
  static onnx::TensorProto::DataType type_of(std::int64_t) { return onnx::TensorProto::INT64; }
  onnx::GraphProto& graph() { return *proto_.mutable_graph(); }

  onnx::ModelProto proto_;
};

}  // namespace bitsieve::bench
