// ONNX operators from file to numbers: every expected value is derived by hand from the standard.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "graph/onnx/test_model.h"
#include "graph/passes/passes.h"
#include "runtime/executor.h"
#include "runtime/layout.h"

namespace bitsieve {
namespace {

using Numbers = std::vector<float>;

std::vector<float> reorder(const Shape& shape, const std::vector<float>& from, bool to_storage) {
  std::vector<float> to(from.size());
  for_each_offset(shape, storage_strides(shape), [&](std::int64_t i, std::int64_t at) {
    const auto logical = static_cast<std::size_t>(i), stored = static_cast<std::size_t>(at);
    (to_storage ? to[stored] = from[logical] : to[logical] = from[stored]);
  });
  return to;
}

struct Result {
  Shape shape;
  Numbers values;  // in logical order
};
bool operator==(const Result& a, const Result& b) { return a.shape == b.shape && a.values == b.values; }
void PrintTo(const Result& r, std::ostream* out) {
  *out << to_string(r.shape) << ':';
  for (const float v : r.values) *out << ' ' << v;
}

// The output of the model on the image 0, 1, 2, ... (or `image`).
Result run(const TestModel& model, Numbers image = {}) {
  Graph graph = model.parse();
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  validate(graph);
  const Shape in = graph.shape(graph.input), out = graph.shape(graph.output);
  if (image.empty()) {
    for (std::int64_t i = 0; i < element_count(in); ++i) image.push_back(static_cast<float>(i));
  }
  const QuantizedModel network = float_model(std::move(graph));
  const Executor executor(network, true);
  Executor::Workspace workspace;
  Numbers scores;
  executor.run(reorder(in, image, true), workspace, scores);
  return {out, reorder(out, scores, false)};
}

// One node from x to y.
Result run_one(int opset, const Integers& input, const std::string& type, const Numbers& image = {}) {
  TestModel m(opset, input);
  m.node(type, {"x"}, {"y"});
  return run(m, image);
}

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
  EXPECT_EQ(run_one(14, {0, 4}, "HardSwish", x).values, (Numbers{0, -1 * (-1 / 6.0f + 0.5f), 0, 2 * (2 / 6.0f + 0.5f)}));
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
  old.node("Slice", {"x"}, {"y"}).integers("axes", {3, 0}).integers("starts", {1, 0}).integers("ends", {-1, 0x7fffffff});
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
