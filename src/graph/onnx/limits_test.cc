// Small files that ask for much time or memory, and rare forms of operators that are easily read wrong.
#include <gtest/gtest.h>

#include "graph/onnx/test_model.h"

namespace bitsieve {
namespace {

// A field of bytes or a message, in protobuf's encoding.
std::string field(int number, const std::string& content) {
  std::string bytes(1, static_cast<char>(number << 3 | 2));
  std::size_t length = content.size();
  for (; length >= 128; length >>= 7) bytes += static_cast<char>((length & 127) | 128);
  return bytes + static_cast<char>(length) + content;
}

std::string message_of(const std::string& bytes, const OnnxLimits& limits) {
  try {
    parse_onnx(bytes, "m.onnx", limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(OnnxLimits, ManyEmptyMessages) {
  OnnxLimits limits;
  limits.parsed_bytes = std::uint64_t{1} << 20;
  const std::string refused = "'m.onnx' would take more than 1 MiB of memory once parsed";
  const auto many = [](int number, std::size_t count) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) bytes += field(number, "");
    return bytes;
  };
  const auto graph = [](const std::string& content) { return field(7, content); };
  // Empty nodes; empty attributes of a node; empty inputs of the graph; empty entries of the metadata.
  EXPECT_EQ(message_of(graph(many(1, 4000)), limits), refused);
  EXPECT_EQ(message_of(graph(field(1, many(5, 4000))), limits), refused);
  EXPECT_EQ(message_of(graph(many(11, 4000)), limits), refused);
  EXPECT_EQ(message_of(many(14, 4000), limits), refused);
  // Dimensions of one byte each.
  EXPECT_EQ(message_of(graph(field(5, field(1, std::string(100000, '\1')))), limits), refused);
  EXPECT_EQ(message_of(graph(many(1, 100)), limits), "'m.onnx' has opset 0; supported are 7 to 21");
  // Data is counted as it is, so a file as large as the limit allows can be read.
  TestModel m(11, {0, 4});
  m.tensor("w", {512, 400}, onnx::TensorProto::FLOAT).set_raw_data(std::string(512 * 400 * 4, '\0'));
  m.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(m.message(limits), "(no error)");
}

TEST(OnnxLimits, MessagesInMessagesWithoutEnd) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes = field(1, field(5, field(6, bytes)));  // node, attribute, graph
  EXPECT_EQ(message_of(field(7, bytes), {}), "'m.onnx' is not an ONNX file, or it is truncated");
}

// 2^28 rows of nothing, a thousand times side by side: no element, and no time.
TEST(OnnxLimits, ConcatenationOfNothing) {
  TestModel m(13, {0, 2});
  m.tensor("e", {1 << 28, 0}, onnx::TensorProto::FLOAT);
  m.node("Concat", Names(1000, "e"), {"nothing"}).integer("axis", 1);
  m.reals("a", {2, 1}, {1, 2}).tensor("b", {2, 0}, onnx::TensorProto::FLOAT);
  m.node("Concat", {"b", "a", "b", "a"}, {"c"}).integer("axis", 1);
  m.node("MatMul", {"x", "c"}, {"y"});
  EXPECT_EQ(m.parse().nodes.at(0).weight().data, (std::vector<float>{1, 2, 1, 2}));
}

TEST(OnnxForms, CeilModeKeepsAWindowLargerThanItsInput) {
  // ceil((2 - 3) / 2) + 1 = 1 window; with stride 1 there is none.
  const auto with = [](std::int64_t stride) {
    TestModel m(12, {0, 1, 2, 2});
    m.node("MaxPool", {"x"}, {"y"})
        .integers("kernel_shape", {3, 3})
        .integers("strides", {stride, stride})
        .integer("ceil_mode", 1);
    return m;
  };
  const Graph graph = with(2).parse();
  EXPECT_EQ(graph.shape(graph.output), (Shape{1, 1, 1}));
  EXPECT_EQ(with(1).message(), "'m.onnx': node 'n_y' (MaxPool): a window of 3 does not fit an input of 2 with padding");
}

TEST(OnnxForms, SqueezeWithoutAxesTakesTheBatchToo) {
  const auto with = [](std::int64_t batch, bool last) {
    TestModel m(11, {batch, 2, 1, 3});
    m.node("Squeeze", {"x"}, {last ? "y" : "s"});
    if (!last) m.node("Softmax", {"s"}, {"y"}).integer("axis", 1);
    return m.message();
  };
  EXPECT_EQ(
      with(1, false),
      "'m.onnx': node 'n_s' (Squeeze): without axes it also squeezes the batch, which is declared as 1; naming the "
      "axes is supported");
  EXPECT_EQ(with(1, true), "(no error)");
  EXPECT_EQ(with(0, false), "(no error)");
  EXPECT_EQ(with(2, false), "(no error)");
}

TEST(OnnxForms, DropoutInTraining) {
  for (const char* input : {"x", "c"}) {
    TestModel m(13, {0, 1});
    m.reals("c", {1}, {1}).reals("ratio", {}, {0.5f});
    m.tensor("training", {}, onnx::TensorProto::BOOL).add_int32_data(1);
    m.node("Dropout", {input, "ratio", "training"}, {"d"});
    m.node("Add", {"x", "d"}, {"y"});
    EXPECT_EQ(m.message(), "'m.onnx': node 'n_d' (Dropout): training_mode = true is not supported; false is");
  }
}

}  // namespace
}  // namespace bitsieve
