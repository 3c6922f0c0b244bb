// What stands in the file, number by number. That other runtimes compute the same is in tests/export_test.cc.
#include "export/qdq.h"

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstring>
#include <map>

#include "base/error.h"

namespace bitsieve {
namespace {

// One conv of two filters of two channels and 1 x 2 taps on u8, with a clamp, and scores from a mean.
QuantizedModel small() {
  QuantizedModel model;
  Graph& graph = model.graph;
  graph.name = "small";
  graph.input = graph.add_value("image", {2, 1, 3});
  Node conv{};
  conv.op = Op::conv;
  conv.name = "conv";
  conv.inputs = {graph.input};
  conv.attributes.window.kernel = {1, 2};
  conv.params = {Tensor({2, 2, 1, 2}, 1.0f), Tensor({2}, 0.0f)};
  conv.clamp_lo = 0;
  conv.clamp_hi = 3;
  conv.output = graph.add_value("features", {2, 1, 2});
  Node mean{};
  mean.op = Op::reduce_mean;
  mean.name = "mean";
  mean.inputs = {conv.output};
  mean.attributes.axes = {1, 2};
  mean.attributes.keep_dims = false;
  mean.output = graph.output = graph.add_value("scores", {2});
  graph.nodes = {conv, mean};
  model.values = {{DType::s8, 0.5f}, {DType::u8, 0.25f}, {DType::f32, 1}};
  model.layers.resize(2);
  LayerCode& layer = model.layers[0];
  layer.integer = true;
  layer.weight_code = "int8";
  layer.act_code = "int8";
  layer.weight_bits = 8;
  layer.weight = {1, 2, 3, 4, -128, 6, 7, 8};  // [O][tap][channel]
  layer.weight_scale = {-0.5f, -0.125f};
  layer.bias = {10, -20};
  layer.multiplier = {-1, -0.25f};
  layer.lo = 0;
  layer.hi = 12;
  return model;
}

struct File {
  explicit File(const std::string& bytes) {
    EXPECT_TRUE(proto.ParseFromString(bytes));
    for (const auto& t : proto.graph().initializer()) constants[t.name()] = &t;
    for (const auto& n : proto.graph().node()) {
      ++count[n.op_type()];
      for (const auto& out : n.output()) maker[out] = &n;
    }
  }
  template <class T>
  std::vector<T> values(const std::string& name) const {
    const std::string& raw = constants.at(name)->raw_data();
    std::vector<T> result(raw.size() / sizeof(T));
    std::memcpy(result.data(), raw.data(), raw.size());
    return result;
  }
  // Of the DequantizeLinear that makes input `k` of the node that makes `output`.
  const onnx::NodeProto& reader(const onnx::NodeProto& n, int k) const { return *maker.at(n.input(k)); }
  const onnx::NodeProto& only(const std::string& op) const {
    for (const auto& n : proto.graph().node()) {
      if (n.op_type() == op) return n;
    }
    throw Error("no " + op);
  }

  onnx::ModelProto proto;
  std::map<std::string, const onnx::TensorProto*> constants;
  std::map<std::string, const onnx::NodeProto*> maker;
  std::map<std::string, int> count;
};

TEST(Qdq, HoldsTheIntegers) {
  const File file(write_qdq(small()));
  const auto& conv = file.only("Conv");
  const auto& weight = file.reader(conv, 1);
  // ONNX's order is [O][channel][tap]; the first filter's scale is made positive, the second has a -128 and keeps it.
  EXPECT_EQ(file.values<std::int8_t>(weight.input(0)), (std::vector<std::int8_t>{-1, -3, -2, -4, -128, 7, 6, 8}));
  EXPECT_EQ(file.values<float>(weight.input(1)), (std::vector<float>{0.5f, -0.125f}));
  const auto& bias = file.reader(conv, 2);
  EXPECT_EQ(file.values<std::int32_t>(bias.input(0)), (std::vector<std::int32_t>{-10, -20}));
  EXPECT_EQ(file.values<float>(bias.input(1)), (std::vector<float>{0.25f, -0.0625f}));
  const auto& image = file.reader(conv, 0);
  EXPECT_EQ(image.op_type(), "DequantizeLinear");
  EXPECT_EQ(file.values<float>(image.input(1)), std::vector<float>{0.5f});
  EXPECT_EQ(file.values<std::uint8_t>(image.input(2)), std::vector<std::uint8_t>{128});
  // The clamp at 3 is below what 255 stands for.
  EXPECT_EQ(file.count.at("Clip"), 1);
  EXPECT_EQ(file.count.at("GlobalAveragePool"), 1);
  EXPECT_EQ(file.proto.graph().output(0).name(), "scores");
  std::map<std::string, std::string> facts;
  for (const auto& entry : file.proto.metadata_props()) facts[entry.key()] = entry.value();
  EXPECT_EQ(facts, (std::map<std::string, std::string>{{"bitsieve.weight_bits.conv", "8"},
                                                       {"bitsieve.weight_code.conv", "int8"}}));
  EXPECT_EQ(file.proto.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
}

TEST(Qdq, HasTheTypesAndTheBatchAskedFor) {
  const File file(write_qdq(small(), {.batch = 8, .signed_int8 = true}));
  const auto& image = file.reader(file.only("Conv"), 0);
  EXPECT_EQ(file.constants.at(image.input(2))->data_type(), onnx::TensorProto::INT8);
  EXPECT_EQ(file.values<std::int8_t>(image.input(2)), std::vector<std::int8_t>{0});
  EXPECT_EQ(file.proto.graph().input(0).type().tensor_type().shape().dim(0).dim_value(), 8);
}

// Clamps that rounding to the codes does anyway are not there: other runtimes would leave their integers for them.
TEST(Qdq, LeavesOutWhatTheCodesDo) {
  QuantizedModel model = small();
  model.graph.nodes[0].clamp_hi = 63.75f;
  EXPECT_EQ(File(write_qdq(model)).count.count("Clip"), 0u);
  model.graph.nodes[0].clamp_hi = INFINITY;
  EXPECT_EQ(File(write_qdq(model)).count.count("Relu"), 0u);
  model.values[1].type = DType::s8;
  EXPECT_EQ(File(write_qdq(model)).count.at("Relu"), 1);
}

TEST(Qdq, HasUniformCodesAsAPairOfNodesAndNoOthers) {
  QuantizedModel model = small();
  LayerCode& layer = model.layers[0];
  layer.act_code = "few";
  layer.transform.active = true;
  for (int pattern = 0; pattern < 256; ++pattern) {
    const int x = static_cast<std::int8_t>(pattern),
              level = std::clamp(static_cast<int>(std::nearbyint(x / 21.0)), -6, 6);
    layer.transform.pair[static_cast<std::size_t>(pattern)] = static_cast<std::uint8_t>(21 * level);
  }
  const File file(write_qdq(model));
  const auto& image = file.reader(file.only("Conv"), 0);
  EXPECT_EQ(file.values<float>(image.input(1)), std::vector<float>{10.5f});
  const auto& clip = *file.maker.at(image.input(0));
  EXPECT_EQ(clip.op_type(), "Clip");
  EXPECT_EQ(file.values<std::uint8_t>(clip.input(1)), std::vector<std::uint8_t>{122});
  EXPECT_EQ(file.values<std::uint8_t>(clip.input(2)), std::vector<std::uint8_t>{134});
  EXPECT_EQ(file.count.at("QuantizeLinear"), 3);
  layer.transform.pair[77] = 3;
  try {
    write_qdq(model);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()),
              "layer 'conv' reads its values through 'few', which QuantizeLinear cannot say: it depends on the value, "
              "not on the "
              "layer; give a model whose activations are int8 or uniform");
  }
}

}  // namespace
}  // namespace bitsieve
