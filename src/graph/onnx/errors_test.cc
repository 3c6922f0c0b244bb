// One exact message for each kind of model that cannot be read.
#include <gtest/gtest.h>

#include <limits>

#include "graph/onnx/test_model.h"

namespace bitsieve {
namespace {

constexpr std::int64_t huge = std::int64_t{1} << 60;

// A convolution 1x1 from one channel to one.
TestModel conv_model(float weight = 1) {
  TestModel m(11, {0, 1, 4, 4});
  m.reals("w", {1, 1, 1, 1}, {weight});
  m.node("Conv", {"x", "w"}, {"y"});
  return m;
}

onnx::NodeProto& first(TestModel& m) { return *m.graph().mutable_node(0); }

std::string one(int opset, const std::string& type, const Names& inputs, const Integers& image = {0, 2, 4, 4}) {
  TestModel m(opset, image);
  m.node(type, inputs, {"y"});
  return m.message();
}

TEST(OnnxErrors, Operators) {
  EXPECT_EQ(conv_model().message(), "(no error)");
  const std::string unknown = one(11, "LSTM", {"x"});
  EXPECT_EQ(unknown.substr(0, 84),
            "'m.onnx': node 'n_y' (LSTM): this operator is not supported; supported are Abs, Add,");
  for (const std::string& name : supported_onnx_operators()) EXPECT_NE(unknown.find(name), std::string::npos) << name;
  TestModel m = conv_model();
  first(m).set_domain("com.example");
  EXPECT_EQ(m.message(),
            "'m.onnx': node 'n_y' (Conv): domain 'com.example' is not supported; the standard operators of ONNX are");
  auto& function = *m.proto.add_functions();
  function.set_domain("com.example");
  function.set_name("Conv");
  EXPECT_EQ(
      m.message(),
      "'m.onnx': node 'n_y' (Conv): it calls a function of the model, which is not supported; inline the functions");
  EXPECT_EQ(one(11, "Sqrt", {"x"}),
            "'m.onnx': node 'n_y' (Sqrt): this operator is supported on constants only; its input is computed from the "
            "image");
}

TEST(OnnxErrors, Attributes) {
  TestModel m = conv_model();
  TestNode(first(m)).integer("power", 2);
  EXPECT_EQ(m.message(),
            "'m.onnx': node 'n_y' (Conv): attribute 'power' is not supported; supported are: auto_pad, "
            "dilations, group, kernel_shape, pads, strides");
  m = conv_model();
  TestNode(first(m)).integer("strides", 2);
  EXPECT_EQ(m.message(), "'m.onnx': node 'n_y' (Conv): attribute 'strides' has type INT; it must be INTS");
  m = conv_model();
  TestNode(first(m)).text("auto_pad", "SOME");
  EXPECT_EQ(
      m.message(),
      "'m.onnx': node 'n_y' (Conv): auto_pad 'SOME' is not supported; NOTSET, VALID, SAME_UPPER and SAME_LOWER are");
  m = conv_model();
  TestNode(first(m)).integer("group", 1).integer("group", 1);
  EXPECT_EQ(m.message(), "'m.onnx': node 'n_y' (Conv): attribute 'group' is given twice");
  for (const char* name : {"strides", "dilations"}) {
    m = conv_model();
    TestNode(first(m)).integers(name, {1, huge});
    EXPECT_EQ(m.message(), "'m.onnx': node 'n_y' (Conv): " + std::string(name) +
                               " holds 1152921504606846976; supported are 1 to 65536");
  }
  m = conv_model();
  TestNode(first(m)).integers("pads", {0, 0, -1, 0});
  EXPECT_EQ(m.message(), "'m.onnx': node 'n_y' (Conv): pads holds -1; supported are 0 to 65536");
  m = conv_model();
  TestNode(first(m)).integer("group", huge);
  EXPECT_EQ(
      m.message(),
      "'m.onnx': node 'n_y' (Conv): weights 1x1x1x1 with 1152921504606846976 groups do not fit an input of 1x4x4");
  TestModel pad(11, {0, 1, 4, 4});
  pad.wholes("p", {0, 0, 0, 0, 0, 0, 0, 0});
  pad.node("Pad", {"x", "p"}, {"y"}).text("mode", "reflect");
  EXPECT_EQ(pad.message(), "'m.onnx': node 'n_y' (Pad): mode 'reflect' is not supported; constant is");
}

TEST(OnnxErrors, Weights) {
  EXPECT_EQ(conv_model(std::numeric_limits<float>::quiet_NaN()).message(),
            "'m.onnx': node 'n_y' (Conv): weight 'w' holds a NaN at element 0; weights must be finite");
  EXPECT_EQ(conv_model(std::numeric_limits<float>::infinity()).message(),
            "'m.onnx': node 'n_y' (Conv): weight 'w' holds an infinity at element 0; weights must be finite");
  TestModel m = conv_model();
  auto& w = *m.graph().mutable_initializer(0);
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(m.message(),
            "'m.onnx': tensor 'w' is in another file; external data is not supported, save the model as one file");
  w.clear_data_location();
  w.set_dims(0, 3);
  EXPECT_EQ(m.message(), "'m.onnx': tensor 'w' announces 3 elements and holds 1");
  w.set_dims(0, huge);
  w.set_dims(1, huge);
  EXPECT_EQ(m.message(),
            "'m.onnx': tensor 'w': shape 1152921504606846976x1152921504606846976x1x1 has more than 268435456 elements");
  w.set_dims(1, -1);
  w.set_dims(0, 1);
  EXPECT_EQ(m.message(), "'m.onnx': tensor 'w': shape 1x-1x1x1 has a negative extent");
  w.set_dims(1, 1);
  w.set_raw_data("12345");
  EXPECT_EQ(m.message(), "'m.onnx': tensor 'w' announces 1 elements of 4 bytes and holds 5 bytes");
  w.set_data_type(onnx::TensorProto::STRING);
  EXPECT_EQ(m.message(),
            "'m.onnx': tensor 'w' has element type string; supported are float, double, float16, bfloat16, int64, "
            "int32, int8, uint8, bool");
  TestModel gemm(11, {0, 1});
  gemm.reals("w", {1, 1}, {3e38f});
  gemm.node("Gemm", {"x", "w"}, {"y"}).real("alpha", 10);
  EXPECT_EQ(gemm.message(), "'m.onnx': node 'n_y' has a weight that is not finite");
  TestModel moving(11, {0, 1, 4, 4});
  moving.node("Conv", {"x", "x"}, {"y"});
  EXPECT_EQ(moving.message(),
            "'m.onnx': node 'n_y' (Conv): its weight 'x' is computed from the image; only a constant is supported");
}

TEST(OnnxErrors, OrderAndNames) {
  EXPECT_EQ(one(11, "Relu", {"nothing"}), "'m.onnx': node 'n_y' (Relu): input 'nothing' does not exist in the file");
  EXPECT_EQ(one(11, "Relu", {""}), "'m.onnx': node 'n_y' (Relu): input 0 is missing");
  EXPECT_EQ(one(11, "Relu", {}), "'m.onnx': node 'n_y' (Relu): it has 0 inputs; supported are 1 to 1");
  TestModel later(11, {0, 2});
  later.node("Relu", {"a"}, {"y"});
  later.node("Relu", {"x"}, {"a"});
  EXPECT_EQ(
      later.message(),
      "'m.onnx': node 'n_y' (Relu): input 'a' is computed by a later node; nodes must be in the order of computation");
  TestModel twice(11, {0, 2});
  twice.node("Relu", {"x"}, {"y"});
  twice.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(twice.message(), "'m.onnx': node 'n_y' (Relu): its output 'y' is defined twice");
  TestModel self(11, {0, 2});
  self.node("Relu", {"x"}, {"x"});
  EXPECT_EQ(self.message(), "'m.onnx': node 'n_x' (Relu): its output 'x' is defined twice");
  TestModel mask(11, {0, 2});
  mask.node("Dropout", {"x"}, {"a", "mask"});
  mask.node("Relu", {"mask"}, {"y"});
  EXPECT_EQ(mask.message(),
            "'m.onnx': node 'n_y' (Relu): input 'mask' is a secondary result (mask, indices, statistics), which is not "
            "supported");
  TestModel none(11, {0, 2});
  none.node("Relu", {"x"}, {""});
  EXPECT_EQ(none.message(), "'m.onnx': node 'n_' (Relu): it has no output");
  TestModel lines(11, {0, 2});
  lines.node("Relu", {"a\nb"}, {"y"});
  EXPECT_EQ(lines.message(), "'m.onnx': node 'n_y' (Relu): input 'a b' does not exist in the file");
}

TEST(OnnxErrors, Graphs) {
  for (const int opset : {6, 22}) {
    TestModel m(opset, {0, 2});
    m.node("Relu", {"x"}, {"y"});
    EXPECT_EQ(m.message(), "'m.onnx' has opset " + std::to_string(opset) + "; supported are 7 to 21");
  }
  EXPECT_EQ(one(11, "Relu", {"x"}, {0, 0, 4}),
            "'m.onnx': input 'x', dimension 1 is not fixed; only the batch may be free");
  EXPECT_EQ(one(11, "Relu", {"x"}, {0}), "'m.onnx': input 'x' has no dimension beside the batch");
  EXPECT_EQ(one(11, "Relu", {"x"}, {0, huge, huge}),
            "'m.onnx': input 'x': shape 1152921504606846976x1152921504606846976 has more than 268435456 elements");
  EXPECT_EQ(one(11, "Identity", {"x"}), "'m.onnx': its output is its input; there is nothing to compute");
  TestModel half(11, {0, 2});
  half.node("Relu", {"x"}, {"y"});
  half.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT16);
  EXPECT_EQ(half.message(), "'m.onnx': input 'x' has element type float16; supported is float");
  TestModel output(11, {0, 2});
  output.node("Relu", {"x"}, {"z"});
  EXPECT_EQ(output.message(), "'m.onnx': output 'y' is not computed from the input");
  TestModel two(11, {0, 2});
  two.node("Relu", {"x"}, {"y"});
  two.node("Sigmoid", {"y"}, {"features"});
  two.graph().add_output()->set_name("features");
  EXPECT_EQ(two.message(), "'m.onnx': it has the outputs 'y', 'features'; one is supported");
  TestModel mask(11, {0, 2});
  mask.node("Dropout", {"x"}, {"z", "mask"});
  mask.node("Relu", {"z"}, {"y"});
  mask.graph().add_output()->set_name("mask");
  EXPECT_EQ(mask.message(), "'m.onnx': it has the outputs 'y', 'mask'; one is supported");
  TestModel constant(11, {0, 2});
  constant.node("Relu", {"x"}, {"y"});
  constant.reals("labels", {2}, {3, 4});
  constant.graph().add_output()->set_name("labels");
  EXPECT_EQ(constant.message(), "(no error)");
  TestModel sparse = conv_model();
  sparse.graph().add_sparse_initializer();
  EXPECT_EQ(sparse.message(), "'m.onnx': sparse initializers are not supported; dense ones are");
}

TEST(OnnxErrors, TheBatch) {
  const auto with = [](const std::string& type, const Names& inputs, const std::string& name, const Integers& values) {
    TestModel m(11, {0, 2, 4, 4});
    m.wholes("s", values);
    TestNode n = m.node(type, inputs, {"y"});
    if (!name.empty()) n.integers(name, values);
    return m.message();
  };
  EXPECT_EQ(
      with("Transpose", {"x"}, "perm", {1, 0, 2, 3}),
      "'m.onnx': node 'n_y' (Transpose): perm must have 4 axes and begin with 0; moving the batch is not supported");
  EXPECT_EQ(with("ReduceMean", {"x"}, "axes", {-4}),
            "'m.onnx': node 'n_y' (ReduceMean): axis -4 is the batch; working along the batch is not supported");
  EXPECT_EQ(with("Reshape", {"x", "s"}, "", {2, 16}),
            "'m.onnx': node 'n_y' (Reshape): its first target dimension is 2; it must keep the batch (1, 0 or -1)");
  EXPECT_EQ(with("Reshape", {"x", "s"}, "", {-1, 16}),
            "'m.onnx': node 'n_y' (Reshape): its target does not hold the 32 elements of an image (2x4x4), or mixes "
            "the batch "
            "with other dimensions");
  EXPECT_EQ(with("Reshape", {"x", "s"}, "", {0, huge, huge, 16}),
            "'m.onnx': node 'n_y' (Reshape): its target does not hold the 32 elements of an image (2x4x4), or mixes "
            "the batch "
            "with other dimensions");
  TestModel slice(9, {0, 2});
  slice.node("Slice", {"x"}, {"y"}).integers("starts", {0}).integers("ends", {-1});
  EXPECT_EQ(slice.message(), "'m.onnx': node 'n_y' (Slice): it takes part of the batch, which is not supported");
  TestModel ranks(11, {0, 2, 4, 4});
  ranks.node("Flatten", {"x"}, {"f"});
  ranks.node("Add", {"x", "f"}, {"y"});
  EXPECT_EQ(ranks.message(),
            "'m.onnx': node 'n_y' (Add): its operands have different ranks, which would mix the batch");
}

TEST(OnnxErrors, MemoryBombs) {
  TestModel constant(11, {0, 2});
  constant.wholes("s", {1 << 14, 1 << 14});
  constant.node("ConstantOfShape", {"s"}, {"big"});
  constant.node("Relu", {"x"}, {"y"});
  OnnxLimits limits;
  limits.constant_bytes = std::uint64_t{1} << 20;
  EXPECT_EQ(constant.message(limits),
            "'m.onnx': node 'n_big' (ConstantOfShape): constants and weights up to here need 1.0 GiB; "
            "at most 1.0 MiB are supported");
  TestModel pads(11, {0, 1, 4, 4});
  pads.wholes("p", {0, 0, 0, 0, 0, 0, 16380, 16380});
  pads.node("Pad", {"x", "p"}, {"a"});
  std::string before = "a";
  for (const char* name : {"b", "c", "d", "y"}) {
    pads.node("Relu", {before}, {name});
    before = name;
  }
  EXPECT_EQ(pads.message(),
            "'m.onnx': node 'n_d' (Relu): the activations of one image up to here need 4.0 GiB; at most 4.0 GiB "
            "are supported");
}

}  // namespace
}  // namespace bitsieve
