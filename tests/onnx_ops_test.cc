// ONNX operators from file to numbers: every expected value is derived by hand from the standard.
#include <gtest/gtest.h>

#include <cmath>

#include "onnx_numbers.h"

namespace bitsieve {
namespace {

TEST(OnnxConv, PaddingStrideDilationGroups) {
  // 3x3 image 0..8, kernel of ones 2x2, asymmetric pads: one row above, one column to the right.
  TestModel m(11, {0, 1, 3, 3});
  m.reals("w", {1, 1, 2, 2}, {1, 1, 1, 1}).reals("b", {1}, {0.5f});
  m.node("Conv", {"x", "w", "b"}, {"y"}).integers("pads", {1, 0, 0, 1});
  EXPECT_EQ(run(m), (Result{{1, 3, 3}, {1.5f, 3.5f, 2.5f, 8.5f, 12.5f, 7.5f, 20.5f, 24.5f, 13.5f}}));

  TestModel dilated(7, {0, 1, 3, 3});
  dilated.reals("w", {1, 1, 2, 2}, {1, 10, 100, 1000});
  dilated.node("Conv", {"x", "w"}, {"y"}).integers("dilations", {2, 2}).integers("kernel_shape", {2, 2});
  EXPECT_EQ(run(dilated), (Result{{1, 1, 1}, {0 + 20 + 600 + 8000}}));

  TestModel grouped(7, {0, 2, 1, 2});
  grouped.reals("w", {2, 1, 1, 1}, {10, 100});
  grouped.node("Conv", {"x", "w"}, {"y"}).integer("group", 2);
  EXPECT_EQ(run(grouped), (Result{{2, 1, 2}, {0, 10, 200, 300}}));
}

TEST(OnnxConv, AutoPad) {
  // Extent 4, kernel 3, stride 2: 2 outputs, (2 - 1) * 2 + 3 - 4 = 1 element of padding.
  const auto with = [](const char* mode) {
    TestModel m(7, {0, 1, 1, 4});
    m.reals("w", {1, 1, 1, 3}, {1, 10, 100});
    m.node("Conv", {"x", "w"}, {"y"}).integers("strides", {1, 2}).text("auto_pad", mode);
    return run(m, {1, 2, 3, 4});
  };
  EXPECT_EQ(with("SAME_UPPER"), (Result{{1, 1, 2}, {321, 43}}));
  EXPECT_EQ(with("SAME_LOWER"), (Result{{1, 1, 2}, {210, 432}}));
  EXPECT_EQ(with("VALID"), (Result{{1, 1, 1}, {321}}));
  EXPECT_EQ(with("NOTSET"), (Result{{1, 1, 1}, {321}}));
}

TEST(OnnxGemm, AlphaBetaTransposition) {
  TestModel m(9, {0, 2});
  m.reals("w", {3, 2}, {1, 2, 3, 4, 5, 6}).reals("c", {1, 3}, {1, 2, 3});
  m.node("Gemm", {"x", "w", "c"}, {"y"}).integer("transB", 1).real("alpha", 2).real("beta", 10);
  EXPECT_EQ(run(m, {1, 10}), (Result{{3}, {2 * 21 + 10, 2 * 43 + 20, 2 * 65 + 30}}));
  TestModel plain(9, {0, 2});
  plain.reals("w", {2, 3}, {1, 2, 3, 4, 5, 6}).reals("c", {}, {7});
  plain.node("Gemm", {"x", "w", "c"}, {"y"});
  EXPECT_EQ(run(plain, {1, 10}), (Result{{3}, {48, 59, 70}}));
}

TEST(OnnxMatMul, ConstantAndActivation) {
  TestModel m(9, {0, 2});
  m.reals("w", {2, 3}, {1, 2, 3, 4, 5, 6});
  m.node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(run(m, {1, 10}), (Result{{3}, {41, 52, 63}}));
  TestModel square(9, {0, 2, 2});
  square.node("MatMul", {"x", "x"}, {"y"});
  EXPECT_EQ(run(square, {1, 2, 3, 4}), (Result{{2, 2}, {7, 10, 15, 22}}));
}

TEST(OnnxBatchNormalization, FoldedAndAlone) {
  for (const Integers& input : {Integers{0, 2, 1, 2}, Integers{0, 2}, Integers{0, 2, 2}}) {
    TestModel m(9, input);
    m.reals("s", {2}, {2, 3}).reals("b", {2}, {1, -1}).reals("mean", {2}, {1, 2}).reals("v", {2}, {3, 8});
    m.node("BatchNormalization", {"x", "s", "b", "mean", "v"}, {"y"}).real("epsilon", 1);
    const bool vector = input.size() == 2;
    const Result got = run(m);
    // (x - mean) * scale / sqrt(v + 1) + b, with sqrt = 2 and 3.
    EXPECT_EQ(got.values, vector ? (Numbers{0, -2}) : (Numbers{0, 1, -1, 0})) << input.size();
  }
}

TEST(OnnxActivations, Values) {
  const Numbers x = {-4, -1, 0, 2};
  EXPECT_EQ(run_one(7, {0, 4}, "Relu", x).values, (Numbers{0, 0, 0, 2}));
  EXPECT_EQ(run_one(7, {0, 4}, "LeakyRelu", x).values, (Numbers{-0.04f, -0.01f, 0, 2}));
  EXPECT_EQ(run_one(14, {0, 4}, "HardSwish", x).values,
            (Numbers{0, -1 * (-1 / 6.0f + 0.5f), 0, 2 * (2 / 6.0f + 0.5f)}));
  EXPECT_EQ(run_one(7, {0, 4}, "HardSigmoid", x).values, (Numbers{0, 0.3f, 0.5f, 0.9f}));
  const Numbers sigmoid = run_one(7, {0, 4}, "Sigmoid", x).values;
  EXPECT_EQ(sigmoid[2], 0.5f);
  EXPECT_NEAR(sigmoid[3], 1 / (1 + std::exp(-2.0)), 1e-7);
  TestModel m(16, {0, 4});
  m.node("LeakyRelu", {"x"}, {"y"}).real("alpha", 0.5f);
  EXPECT_EQ(run(m, x).values, (Numbers{-2, -0.5f, 0, 2}));
}

TEST(OnnxClip, AttributesAndInputs) {
  const Numbers x = {-4, -1, 3, 9};
  TestModel old(7, {0, 4});
  old.node("Clip", {"x"}, {"y"}).real("min", -2).real("max", 6);
  EXPECT_EQ(run(old, x).values, (Numbers{-2, -1, 3, 6}));
  TestModel now(11, {0, 4});
  now.reals("lo", {}, {-2}).reals("hi", {}, {6});
  now.node("Clip", {"x", "lo", "hi"}, {"y"});
  EXPECT_EQ(run(now, x).values, (Numbers{-2, -1, 3, 6}));
  TestModel upper(13, {0, 4});
  upper.reals("hi", {}, {6});
  upper.node("Clip", {"x", "", "hi"}, {"y"});
  EXPECT_EQ(run(upper, x).values, (Numbers{-4, -1, 3, 6}));
  TestModel reversed(13, {0, 4});  // min > max: everything becomes max
  reversed.reals("lo", {}, {5}).reals("hi", {}, {1});
  reversed.node("Clip", {"x", "lo", "hi"}, {"y"});
  EXPECT_EQ(run(reversed, x).values, (Numbers{1, 1, 1, 1}));
}

TEST(OnnxArithmetic, BroadcastsConstantsAndActivations) {
  const auto with = [](const char* type, bool first) {
    TestModel m(7, {0, 2, 1, 2});
    m.reals("c", {2, 1, 1}, {2, 4});
    m.node(type, first ? Names{"c", "x"} : Names{"x", "c"}, {"y"});
    return run(m, {1, 2, 4, 8}).values;
  };
  EXPECT_EQ(with("Add", false), (Numbers{3, 4, 8, 12}));
  EXPECT_EQ(with("Sub", false), (Numbers{-1, 0, 0, 4}));
  EXPECT_EQ(with("Sub", true), (Numbers{1, 0, 0, -4}));
  EXPECT_EQ(with("Mul", false), (Numbers{2, 4, 16, 32}));
  EXPECT_EQ(with("Div", false), (Numbers{0.5f, 1, 1, 2}));
  EXPECT_EQ(with("Div", true), (Numbers{2, 1, 1, 0.5f}));
  // Squeeze and excitation: 2x1x1 times 2x1x2.
  TestModel m(7, {0, 2, 1, 2});
  m.node("GlobalAveragePool", {"x"}, {"p"});
  m.node("Mul", {"x", "p"}, {"y"});
  EXPECT_EQ(run(m, {1, 3, 2, 6}).values, (Numbers{2, 6, 8, 24}));
}

TEST(OnnxPools, WindowsAtTheEdge) {
  // One row 1..5, kernel 3, stride 2, one pad each side: windows {1,2} {2,3,4} {4,5}.
  const Numbers row = {1, 2, 3, 4, 6};
  const auto with = [&](const char* type, bool include) {
    TestModel m(10, {0, 1, 1, 5});
    TestNode n = m.node(type, {"x"}, {"y"});
    n.integers("kernel_shape", {1, 3}).integers("strides", {1, 2}).integers("pads", {0, 1, 0, 1});
    if (include) n.integer("count_include_pad", 1);
    return run(m, row).values;
  };
  EXPECT_EQ(with("MaxPool", false), (Numbers{2, 4, 6}));
  EXPECT_EQ(with("AveragePool", false), (Numbers{1.5f, 3, 5}));
  EXPECT_EQ(with("AveragePool", true), (Numbers{1, 3, 10 / 3.0f}));
  EXPECT_EQ(run_one(7, {0, 1, 1, 5}, "GlobalAveragePool", row), (Result{{1, 1, 1}, {3.2f}}));
  EXPECT_EQ(run_one(7, {0, 1, 1, 5}, "GlobalMaxPool", row), (Result{{1, 1, 1}, {6}}));
}

TEST(OnnxPools, CeilMode) {
  // Extent 4, kernel 3, stride 2: floor gives one window, ceil a second {3, 4} that hangs over the end.
  const auto with = [](const char* type, int ceil, int include, const Integers& pads) {
    TestModel m(10, {0, 1, 1, 4});
    TestNode n = m.node(type, {"x"}, {"y"});
    n.integers("kernel_shape", {1, 3}).integers("strides", {1, 2}).integer("ceil_mode", ceil).integers("pads", pads);
    if (include) n.integer("count_include_pad", 1);
    return run(m, {1, 2, 3, 8}).values;
  };
  const Integers none = {0, 0, 0, 0};
  EXPECT_EQ(with("MaxPool", 0, 0, none), (Numbers{3}));
  EXPECT_EQ(with("MaxPool", 1, 0, none), (Numbers{3, 8}));
  EXPECT_EQ(with("AveragePool", 1, 0, none), (Numbers{2, 5.5f}));
  // What hangs over is not padding of the file, so it never counts.
  EXPECT_EQ(with("AveragePool", 1, 1, none), (Numbers{2, 5.5f}));
  // Two pads in front: {0 0 1} {1 2 3} {3 8 over}; the pads count, the overhang does not.
  EXPECT_EQ(with("AveragePool", 1, 1, {0, 2, 0, 0}), (Numbers{1 / 3.0f, 2, 5.5f}));
  // A last window that would start in the padding behind the input is dropped: extent 3, kernel 1, stride 3, pads 0.
  TestModel m(10, {0, 1, 1, 3});
  m.node("MaxPool", {"x"}, {"y"}).integers("kernel_shape", {1, 1}).integers("strides", {1, 3}).integer("ceil_mode", 1);
  EXPECT_EQ(run(m).values, (Numbers{0}));
}

TEST(OnnxPools, Dilation) {
  TestModel m(10, {0, 1, 1, 4});
  m.node("MaxPool", {"x"}, {"y"}).integers("kernel_shape", {1, 2}).integers("dilations", {1, 2});
  EXPECT_EQ(run(m, {5, 1, 3, 2}).values, (Numbers{5, 2}));
}

}  // namespace
}  // namespace bitsieve
