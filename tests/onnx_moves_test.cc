// ONNX operators that reduce, move and reshape, from file to numbers derived by hand from the standard.
#include <gtest/gtest.h>

#include <cmath>

#include "onnx_numbers.h"

namespace bitsieve {
namespace {

TEST(OnnxReduceMean, AxesKeptOrNot) {
  TestModel old(11, {0, 2, 2, 2});
  old.node("ReduceMean", {"x"}, {"y"}).integers("axes", {-1, 2}).integer("keepdims", 0);
  EXPECT_EQ(run(old), (Result{{2}, {1.5f, 5.5f}}));
  TestModel now(18, {0, 2, 2, 2});
  now.wholes("a", {1});
  now.node("ReduceMean", {"x", "a"}, {"y"});
  EXPECT_EQ(run(now), (Result{{1, 2, 2}, {2, 3, 4, 5}}));
  TestModel nothing(18, {0, 2});
  nothing.node("ReduceMean", {"x"}, {"t"}).integer("noop_with_empty_axes", 1);
  nothing.node("Relu", {"t"}, {"y"});
  EXPECT_EQ(run(nothing), (Result{{2}, {0, 1}}));
}

TEST(OnnxSoftmax, RowsBeforeOpset13) {
  const float a = 1 / (1 + std::exp(1.0f)), b = 1 - a;
  const auto near = [](const Numbers& got, const Numbers& want) {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6) << i;
  };
  near(run_one(13, {0, 2, 2}, "Softmax", {0, 1, 0, 1}).values, {a, b, a, b});
  near(run_one(11, {0, 2, 2}, "Softmax", {0, 1, 0, 1}).values, {a / 2, b / 2, a / 2, b / 2});
  TestModel m(13, {0, 2, 2});
  m.node("Softmax", {"x"}, {"y"}).integer("axis", 1);
  near(run(m, {0, 0, 1, 1}).values, {a, a, b, b});
}

TEST(OnnxMoves, ConcatSlicePadTranspose) {
  TestModel concat(11, {0, 2, 1, 2});
  concat.node("Relu", {"x"}, {"r"});
  concat.node("Concat", {"x", "r"}, {"y"}).integer("axis", -3);
  EXPECT_EQ(run(concat, {-1, 2, -3, 4}), (Result{{4, 1, 2}, {-1, 2, -3, 4, 0, 2, 0, 4}}));

  TestModel old(9, {0, 1, 2, 4});
  old.node("Slice", {"x"}, {"y"})
      .integers("axes", {3, 0})
      .integers("starts", {1, 0})
      .integers("ends", {-1, 0x7fffffff});
  EXPECT_EQ(run(old), (Result{{1, 2, 2}, {1, 2, 5, 6}}));
  TestModel now(13, {0, 1, 2, 4});
  now.wholes("s", {-4}).wholes("e", {std::int64_t{1} << 60}).wholes("a", {-1}).wholes("p", {3});
  now.node("Slice", {"x", "s", "e", "a", "p"}, {"y"});
  EXPECT_EQ(run(now), (Result{{1, 2, 2}, {0, 3, 4, 7}}));

  TestModel pad(11, {0, 1, 1, 2});
  pad.wholes("p", {0, 0, 0, 1, 0, 0, 1, 0}).reals("v", {}, {9});
  pad.node("Pad", {"x", "p", "v"}, {"y"});
  EXPECT_EQ(run(pad), (Result{{1, 2, 3}, {9, 0, 1, 9, 9, 9}}));
  TestModel axes(18, {0, 1, 1, 2});
  axes.wholes("p", {1, 0, 0, 2}).wholes("a", {-1, 2});
  axes.node("Pad", {"x", "p", "", "a"}, {"y"});
  EXPECT_EQ(run(axes), (Result{{1, 3, 3}, {0, 0, 1, 0, 0, 0, 0, 0, 0}}));

  TestModel transpose(7, {0, 1, 2, 3});
  transpose.node("Transpose", {"x"}, {"y"}).integers("perm", {0, 3, 1, 2});
  EXPECT_EQ(run(transpose), (Result{{3, 1, 2}, {0, 3, 1, 4, 2, 5}}));
}

TEST(OnnxReshape, AllForms) {
  const auto to = [](const Integers& target, const Integers& input) {
    TestModel m(14, input);
    m.wholes("s", target);
    m.node("Reshape", {"x", "s"}, {"y"});
    return run(m).shape;
  };
  EXPECT_EQ(to({0, -1}, {0, 2, 3, 4}), (Shape{24}));
  EXPECT_EQ(to({-1, 24}, {0, 2, 3, 4}), (Shape{24}));
  EXPECT_EQ(to({1, 0, -1}, {0, 2, 3, 4}), (Shape{2, 12}));
  EXPECT_EQ(to({5, 4, 6}, {5, 2, 3, 4}), (Shape{4, 6}));
  EXPECT_EQ(run_one(7, {0, 2, 3, 4}, "Flatten").shape, (Shape{24}));
  EXPECT_EQ(run_one(7, {0, 2, 1, 1}, "Squeeze").shape, (Shape{2}));
  TestModel squeeze(13, {0, 2, 1, 1});
  squeeze.wholes("a", {-1});
  squeeze.node("Squeeze", {"x", "a"}, {"y"});
  EXPECT_EQ(run(squeeze).shape, (Shape{2, 1}));
  TestModel unsqueeze(11, {0, 2});
  unsqueeze.node("Unsqueeze", {"x"}, {"y"}).integers("axes", {-1, 2});
  EXPECT_EQ(run(unsqueeze).shape, (Shape{2, 1, 1}));
}

TEST(OnnxReshape, ShapeOfTheInputAsPyTorchWritesIt) {
  TestModel m(11, {0, 2, 3, 4});
  m.node("Shape", {"x"}, {"shape"});
  m.wholes("zero", {}, {0}).wholes("minus", {-1});
  m.node("Gather", {"shape", "zero"}, {"batch"}).integer("axis", 0);
  m.node("Unsqueeze", {"batch"}, {"first"}).integers("axes", {0});
  m.node("Concat", {"first", "minus"}, {"target"}).integer("axis", 0);
  m.node("Reshape", {"x", "target"}, {"y"});
  EXPECT_EQ(run(m).shape, (Shape{24}));
}

TEST(OnnxPassThrough, IdentityDropoutCast) {
  TestModel m(12, {0, 2});
  m.reals("ratio", {}, {0.5f});
  m.node("Identity", {"x"}, {"a"});
  m.node("Dropout", {"a", "ratio"}, {"b", "mask"});
  m.node("Cast", {"b"}, {"c"}).integer("to", onnx::TensorProto::FLOAT);
  m.node("Relu", {"c"}, {"y"});
  EXPECT_EQ(run(m).values, (Numbers{0, 1}));
  EXPECT_EQ(m.parse().nodes.size(), 1u);
}

}  // namespace
}  // namespace bitsieve
