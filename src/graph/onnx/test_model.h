// Builds small ONNX models for the tests of the reader.
#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "graph/onnx/reader.h"

namespace bitsieve {

using Names = std::vector<std::string>;
using Integers = std::vector<std::int64_t>;

// A node under construction; every setter returns the node.
class TestNode {
 public:
  explicit TestNode(onnx::NodeProto& proto) : proto_(proto) {}
  TestNode& integer(const std::string& name, std::int64_t value) {
    add(name, onnx::AttributeProto::INT).set_i(value);
    return *this;
  }
  TestNode& integers(const std::string& name, const Integers& values) {
    auto& a = add(name, onnx::AttributeProto::INTS);
    for (const std::int64_t v : values) a.add_ints(v);
    return *this;
  }
  TestNode& real(const std::string& name, float value) {
    add(name, onnx::AttributeProto::FLOAT).set_f(value);
    return *this;
  }
  TestNode& text(const std::string& name, const std::string& value) {
    add(name, onnx::AttributeProto::STRING).set_s(value);
    return *this;
  }
  onnx::AttributeProto& add(const std::string& name, onnx::AttributeProto::AttributeType type) {
    auto& a = *proto_.add_attribute();
    a.set_name(name);
    a.set_type(type);
    return a;
  }
  onnx::NodeProto& proto() { return proto_; }

 private:
  onnx::NodeProto& proto_;
};

// One float input "x", nodes and constants in the order they are added, output "y".
class TestModel {
 public:
  // `input` counts the batch; 0 leaves a dimension free.
  TestModel(int opset, const Integers& input) {
    proto.set_ir_version(7);
    proto.add_opset_import()->set_version(opset);
    graph().set_name("test");
    auto& x = *graph().add_input();
    x.set_name("x");
    auto& type = *x.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t d : input) {
      auto& dim = *type.mutable_shape()->add_dim();
      d ? dim.set_dim_value(d) : dim.set_dim_param("n");
    }
    graph().add_output()->set_name("y");
  }
  onnx::GraphProto& graph() { return *proto.mutable_graph(); }
  // Named as its first output with "n_" in front.
  TestNode node(const std::string& type, const Names& inputs, const Names& outputs) {
    auto& n = *graph().add_node();
    n.set_op_type(type);
    n.set_name("n_" + outputs.at(0));
    for (const auto& name : inputs) n.add_input(name);
    for (const auto& name : outputs) n.add_output(name);
    return TestNode(n);
  }
  onnx::TensorProto& tensor(const std::string& name, const Integers& shape, onnx::TensorProto::DataType type) {
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(type);
    for (const std::int64_t d : shape) t.add_dims(d);
    return t;
  }
  TestModel& reals(const std::string& name, const Integers& shape, const std::vector<float>& values) {
    auto& t = tensor(name, shape, onnx::TensorProto::FLOAT);
    for (const float v : values) t.add_float_data(v);
    return *this;
  }
  TestModel& wholes(const std::string& name, const Integers& values) {
    return wholes(name, {static_cast<std::int64_t>(values.size())}, values);
  }
  TestModel& wholes(const std::string& name, const Integers& shape, const Integers& values) {
    auto& t = tensor(name, shape, onnx::TensorProto::INT64);
    for (const std::int64_t v : values) t.add_int64_data(v);
    return *this;
  }
  std::string bytes() const { return proto.SerializeAsString(); }
  Graph parse(const OnnxLimits& limits = {}) const { return parse_onnx(bytes(), "m.onnx", limits); }
  // What parsing says, or "(no error)".
  std::string message(const OnnxLimits& limits = {}) const {
    try {
      parse(limits);
    } catch (const Error& error) {
      return error.what();
    }
    return "(no error)";
  }

  onnx::ModelProto proto;
};

}  // namespace bitsieve
