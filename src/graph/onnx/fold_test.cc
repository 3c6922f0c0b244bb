// Constants: element types and what is computed from them at load time.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "graph/onnx/test_model.h"

namespace bitsieve {
namespace {

// What reaches "k", seen through x + k; per image, so k keeps its own shape up to the rank of x.
Tensor folded(TestModel m) {
  m.node("Add", {"x", "k"}, {"y"});
  const Graph graph = m.parse();
  EXPECT_EQ(graph.nodes.size(), 1u);
  return *graph.values.at(static_cast<std::size_t>(graph.nodes.at(0).inputs.at(1))).constant;
}
using Numbers = std::vector<float>;

TestModel start(int opset = 13) { return TestModel(opset, {0, 2, 2, 2}); }

template <class T>
std::string raw(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(OnnxTensors, ElementTypes) {
  const auto as = [](onnx::TensorProto::DataType type, const std::string& bytes) {
    TestModel m = start();
    m.tensor("k", {2}, type).set_raw_data(bytes);
    return folded(m).data;
  };
  using onnx::TensorProto;
  EXPECT_EQ(as(TensorProto::FLOAT, raw<float>({1.5f, -2})), (Numbers{1.5f, -2}));
  EXPECT_EQ(as(TensorProto::DOUBLE, raw<double>({1.5, -2})), (Numbers{1.5f, -2}));
  // Half: 1.5 = 0x3e00; -2 = 0xc000; smallest subnormal 2^-24; largest 65504.
  EXPECT_EQ(as(TensorProto::FLOAT16, raw<std::uint16_t>({0x3e00, 0xc000})), (Numbers{1.5f, -2}));
  EXPECT_EQ(as(TensorProto::FLOAT16, raw<std::uint16_t>({0x8001, 0x7bff})), (Numbers{-0x1p-24f, 65504}));
  EXPECT_EQ(as(TensorProto::BFLOAT16, raw<std::uint16_t>({0x3fc0, 0xc000})), (Numbers{1.5f, -2}));
  // Whole numbers, made real by a Cast.
  const auto whole = [](onnx::TensorProto::DataType type, const std::string& bytes) {
    TestModel m = start();
    m.tensor("i", {2}, type).set_raw_data(bytes);
    m.node("Cast", {"i"}, {"k"}).integer("to", onnx::TensorProto::FLOAT);
    return folded(m).data;
  };
  EXPECT_EQ(whole(TensorProto::INT64, raw<std::int64_t>({7, -7})), (Numbers{7, -7}));
  EXPECT_EQ(whole(TensorProto::INT32, raw<std::int32_t>({7, -7})), (Numbers{7, -7}));
  EXPECT_EQ(whole(TensorProto::INT8, raw<std::int8_t>({127, -128})), (Numbers{127, -128}));
  EXPECT_EQ(whole(TensorProto::UINT8, raw<std::uint8_t>({0, 255})), (Numbers{0, 255}));
  EXPECT_EQ(whole(TensorProto::BOOL, raw<std::uint8_t>({0, 2})), (Numbers{0, 1}));
  TestModel typed = start();
  auto& t = typed.tensor("k", {2}, TensorProto::FLOAT16);
  t.add_int32_data(0x3e00);
  t.add_int32_data(0xc000);
  EXPECT_EQ(folded(typed).data, (Numbers{1.5f, -2}));
}

TEST(OnnxFold, Arithmetic) {
  const auto with = [](const char* type) {
    TestModel m = start();
    m.reals("a", {2, 1}, {1, 4}).reals("b", {2}, {2, 8});
    m.node(type, {"a", "b"}, {"k"});
    return folded(m);
  };
  EXPECT_EQ(with("Add").data, (Numbers{3, 9, 6, 12}));
  EXPECT_EQ(with("Sub").data, (Numbers{-1, -7, 2, -4}));
  EXPECT_EQ(with("Mul").data, (Numbers{2, 8, 8, 32}));
  EXPECT_EQ(with("Div").data, (Numbers{0.5f, 0.125f, 2, 0.5f}));
  EXPECT_EQ(with("Pow").data, (Numbers{1, 1, 16, 65536}));
  EXPECT_EQ(with("Mul").shape, (Shape{2, 2}));
  const auto of = [](const char* type) {
    TestModel m = start();
    m.reals("a", {2}, {0.25f, 4});
    m.node(type, {"a"}, {"k"});
    return folded(m).data;
  };
  EXPECT_EQ(of("Sqrt"), (Numbers{0.5f, 2}));
  EXPECT_EQ(of("Reciprocal"), (Numbers{4, 0.25f}));
  EXPECT_EQ(of("Neg"), (Numbers{-0.25f, -4}));
  EXPECT_EQ(of("Ceil"), (Numbers{1, 4}));
  EXPECT_EQ(of("Floor"), (Numbers{0, 4}));
}

TEST(OnnxFold, WholeNumbersNeverOverflow) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const auto with = [](const char* type, std::int64_t a, std::int64_t b) {
    TestModel m = start();
    m.wholes("a", {a}).wholes("b", {b});
    m.node(type, {"a", "b"}, {"k"});
    m.node("Relu", {"x"}, {"y"});
    return m.message();
  };
  EXPECT_EQ(with("Mul", 3, 4), "(no error)");
  EXPECT_EQ(with("Div", 1, 0), "'m.onnx': node 'n_k' (Div): 1 and 0 overflow, or divide by zero");
  for (const std::string& error :
       {with("Mul", least, 2), with("Add", least, -1), with("Sub", least, 1), with("Div", least, -1)}) {
    EXPECT_NE(error.find("overflow"), std::string::npos) << error;
  }
}

TEST(OnnxFold, Moves) {
  const auto with = [](const char* type, const Names& more, const std::string& name, const Integers& values) {
    TestModel m = start(11);
    m.reals("a", {2, 3}, {0, 1, 2, 3, 4, 5}).wholes("i", values);
    Names inputs = {"a"};
    inputs.insert(inputs.end(), more.begin(), more.end());
    TestNode n = m.node(type, inputs, {"b"});
    if (name == "axis") n.integer(name, values[0]);
    if (!name.empty() && name != "axis") n.integers(name, values);
    // One more step so that any shape fits x: all of it as the last axis of one element each.
    m.wholes("flat", {-1, 1, 1});
    m.node("Reshape", {"b", "flat"}, {"c"});
    m.wholes("two", {0, 1}).node("Gather", {"c", "two"}, {"first"});
    m.wholes("row", {1, 2}).node("Reshape", {"first", "row"}, {"k"});
    return folded(m).data;
  };
  EXPECT_EQ(with("Transpose", {}, "", {}), (Numbers{0, 3}));
  EXPECT_EQ(with("Transpose", {}, "perm", {0, 1}), (Numbers{0, 1}));
  EXPECT_EQ(with("Gather", {"i"}, "", {-1, 0}), (Numbers{3, 4}));
  EXPECT_EQ(with("Concat", {"a"}, "axis", {1}), (Numbers{0, 1}));
  EXPECT_EQ(with("Flatten", {}, "axis", {0}), (Numbers{0, 1}));
  EXPECT_EQ(with("Unsqueeze", {}, "axes", {0, 3}), (Numbers{0, 1}));
  TestModel slice = start(11);
  slice.reals("a", {2, 3}, {0, 1, 2, 3, 4, 5}).wholes("s", {0, -2}).wholes("e", {9, 9});
  slice.node("Slice", {"a", "s", "e"}, {"k"});
  EXPECT_EQ(folded(slice).data, (Numbers{1, 2, 4, 5}));
  TestModel shape = start(15);
  shape.node("Shape", {"x"}, {"s"}).integer("start", -2);
  shape.node("ReduceProd", {"s"}, {"p"}).integer("keepdims", 0);
  shape.node("Cast", {"p"}, {"k"}).integer("to", onnx::TensorProto::FLOAT);
  EXPECT_EQ(folded(shape).data, (Numbers{4}));
  TestModel filled = start();
  filled.wholes("s", {2});
  filled.node("ConstantOfShape", {"s"}, {"k"});
  EXPECT_EQ(folded(filled).data, (Numbers{0, 0}));
}

TEST(OnnxFold, FormsOfConstant) {
  TestModel real = start();
  real.node("Constant", {}, {"k"}).real("value_float", 2.5f);
  EXPECT_EQ(folded(real).data, (Numbers{2.5f}));
  TestModel list = start();
  auto& floats = list.node("Constant", {}, {"k"}).add("value_floats", onnx::AttributeProto::FLOATS);
  floats.add_floats(1);
  floats.add_floats(2);
  EXPECT_EQ(folded(list).data, (Numbers{1, 2}));
  TestModel text = start();
  text.node("Constant", {}, {"k"}).text("value_string", "a");
  EXPECT_EQ(text.message(),
            "'m.onnx': node 'n_k' (Constant): attribute 'value_string' is not supported; supported are: value, "
            "value_float, value_floats, value_int, value_ints");
}

TEST(OnnxFold, WeightsThroughOtherNodes) {
  // float16 -> Cast -> Transpose -> Identity -> Mul -> MatMul.
  TestModel m(13, {0, 2});
  m.tensor("h", {1, 2}, onnx::TensorProto::FLOAT16).set_raw_data(raw<std::uint16_t>({0x3c00, 0x4000}));  // 1, 2
  m.reals("scale", {}, {10});
  m.node("Cast", {"h"}, {"f"}).integer("to", onnx::TensorProto::FLOAT);
  m.node("Transpose", {"f"}, {"t"});
  m.node("Identity", {"t"}, {"i"});
  m.node("Mul", {"i", "scale"}, {"w"});
  m.node("MatMul", {"x", "w"}, {"y"});
  const Graph graph = m.parse();
  ASSERT_EQ(graph.nodes.size(), 1u);
  EXPECT_EQ(graph.nodes[0].weight().data, (Numbers{10, 20}));
}

TEST(OnnxOpsets, OneGraphFromEveryWayOfWriting) {
  const auto describe = [](const Graph& g) {
    std::string text;
    for (const Node& n : g.nodes) {
      text += fmt::format("{} {} lo {} hi {} axes", op_name(n.op), to_string(g.shape(n.output)), n.attributes.lo,
                          n.attributes.hi);
      for (const auto a : n.attributes.axes) text += fmt::format(" {}", a);
      for (const auto a : n.attributes.before) text += fmt::format(" {}", a);
      text += ";";
    }
    return text;
  };
  std::set<std::string> seen;
  for (int opset = 7; opset <= 21; ++opset) {
    TestModel m(opset, {0, 1, 4, 4});
    m.wholes("pads", {0, 0, 1, 1, 0, 0, 1, 1}).wholes("a", {2, 3}).reals("lo", {}, {0}).reals("hi", {}, {6});
    opset < 11 ? m.node("Pad", {"x"}, {"p"}).integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})
               : m.node("Pad", {"x", "pads"}, {"p"});
    opset < 11 ? m.node("Clip", {"p"}, {"c"}).real("min", 0).real("max", 6) : m.node("Clip", {"p", "lo", "hi"}, {"c"});
    opset < 18 ? m.node("ReduceMean", {"c"}, {"r"}).integers("axes", {2, 3}) : m.node("ReduceMean", {"c", "a"}, {"r"});
    opset < 13 ? m.node("Squeeze", {"r"}, {"y"}).integers("axes", {2, 3}) : m.node("Squeeze", {"r", "a"}, {"y"});
    seen.insert(describe(m.parse()));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"pad 1x6x6 lo 0 hi 0 axes 0 1 1;clip 1x6x6 lo 0 hi 6 axes;"
                                         "reduce_mean 1x1x1 lo 0 hi 0 axes 1 2;reshape 1 lo 0 hi 0 axes;"}));
}

}  // namespace
}  // namespace bitsieve
