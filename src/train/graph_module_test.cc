#include "train/graph_module.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "runtime/executor.h"

namespace bitsieve::train {
namespace {

// Everything there is, on small maps: uneven padding, groups, windows that hang over the edge, constants.
class Builder {
 public:
  explicit Builder(Shape input) {
    graph.name = "all";
    graph.input = last = graph.add_value("input", std::move(input));
  }

  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attributes = {}, std::vector<Tensor> params = {}) {
    Node node{};
    node.op = op;
    node.name = fmt::format("{}.{}", op_name(op), graph.nodes.size());
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    node.params = std::move(params);
    node.output = graph.add_value(node.name, wanted);
    wanted = {};
    if (graph.values.back().shape.empty()) graph.values.back().shape = infer_shape(graph, node);
    graph.nodes.push_back(std::move(node));
    return last = graph.nodes.back().output;
  }

  Tensor draw(Shape shape, float low = -1, float high = 1) {
    Tensor t(std::move(shape), 0.0f);
    for (float& value : t.data) value = std::uniform_real_distribution<float>(low, high)(random);
    return t;
  }

  ValueId constant(Tensor t) {
    const ValueId id = graph.add_value(fmt::format("constant {}", graph.values.size()), t.shape);
    graph.values.back().constant = std::make_shared<const Tensor>(std::move(t));
    return id;
  }

  Graph finish() {
    graph.output = last;
    validate(graph);
    return graph;
  }

  Graph graph;
  ValueId last;
  Shape wanted;  // of the next value, where it cannot be inferred: reshape
  std::mt19937 random{7};
};

Window window(std::int64_t kernel, std::int64_t stride, std::array<std::int64_t, 4> pad = {0, 0, 0, 0}) {
  Window w;
  w.kernel = {kernel, kernel};
  w.stride = {stride, stride};
  w.pad_before = {pad[0], pad[1]};
  w.pad_after = {pad[2], pad[3]};
  return w;
}

Attributes with(Window w) {
  Attributes a;
  a.window = w;
  return a;
}

// A conv whose norm was folded, as the reader leaves it.
void folded_norm(Builder& b) {
  Node& node = b.graph.nodes.back();
  const auto channels = node.weight().shape[0];
  auto norm = std::make_shared<FoldedNorm>();
  norm->gamma = b.draw({channels}).data;
  norm->beta = b.draw({channels}).data;
  norm->mean = b.draw({channels}).data;
  norm->variance = b.draw({channels}, 0.1f, 2).data;
  norm->epsilon = 1e-5f;
  node.params.resize(1);
  node.params.push_back(Tensor({channels}, 0.0f));
  const std::size_t k = node.params[0].data.size() / static_cast<std::size_t>(channels);
  for (std::size_t c = 0; c < norm->gamma.size(); ++c) {
    const float factor = norm->gamma[c] / std::sqrt(norm->variance[c] + norm->epsilon);
    for (std::size_t i = c * k; i < (c + 1) * k; ++i) node.params[0].data[i] *= factor;
    node.params[1].data[c] = norm->beta[c] - norm->mean[c] * factor;
  }
  node.norm = norm;
}

Graph everything() {
  Builder b({4, 9, 7});
  b.add(Op::conv, {b.last}, with(window(3, 2, {0, 1, 1, 1})), {b.draw({8, 4, 3, 3}), b.draw({8})});
  b.graph.nodes.back().clamp_lo = 0;
  Window w = window(3, 1, {1, 1, 1, 1});
  w.groups = 8;
  b.add(Op::conv, {b.last}, with(w), {b.draw({8, 1, 3, 3})});
  folded_norm(b);
  b.graph.nodes.back().clamp_lo = 0;
  b.graph.nodes.back().clamp_hi = 6;
  const ValueId trunk = b.last;
  w = window(1, 1);
  b.add(Op::conv, {b.last}, with(w), {b.draw({8, 8, 1, 1})});
  b.add(Op::add, {b.last, trunk});
  b.graph.nodes.back().clamp_lo = 0;
  Attributes a;
  a.alpha = 0.1f;
  b.add(Op::leaky_relu, {b.last}, a);
  b.add(Op::sub, {b.last, b.constant(b.draw({8, 1, 1}))});
  b.add(Op::hard_swish, {b.last});
  b.add(Op::mul, {b.last, trunk});
  b.add(Op::max_pool, {b.last}, with(window(3, 1, {1, 0, 1, 2})));
  const ValueId pooled = b.last;
  for (const bool include : {false, true}) {
    Window average = window(3, 1, {1, 1, 1, 1});
    average.count_include_pad = include;
    b.add(Op::average_pool, {b.last}, with(average));
  }
  a = {};
  a.alpha = 0.2f;
  a.beta = 0.5f;
  b.add(Op::hard_sigmoid, {b.last}, a);
  b.add(Op::sigmoid, {b.last});
  a = {};
  a.axis = 0;
  b.add(Op::concat, {b.last, pooled}, a);
  a = {};
  a.starts = {1, 0, 0};
  a.ends = {15, 4, 3};
  a.steps = {2, 3, 1};
  b.add(Op::slice, {b.last}, a);
  a = {};
  a.before = {0, 1, 0};
  a.after = {1, 0, 2};
  a.value = 0.5f;
  b.add(Op::pad, {b.last}, a);
  a = {};
  a.axes = {1, 2, 0};
  b.add(Op::transpose, {b.last}, a);
  b.add(Op::relu, {b.last});
  a = {};
  a.lo = 0.1f;
  a.hi = 0.9f;
  b.add(Op::clip, {b.last}, a);
  b.add(Op::div, {b.last, b.constant(Tensor({1}, 3.0f))});
  const Shape shape = b.graph.shape(b.last);
  b.wanted = {shape[0], shape[1] * shape[2]};
  b.add(Op::reshape, {b.last});
  b.add(Op::linear, {b.last}, {}, {b.draw({6, shape[1] * shape[2]}), b.draw({6})});
  const ValueId rows = b.last;
  a = {};
  a.axes = {1, 0};
  b.add(Op::transpose, {b.last}, a);
  b.add(Op::matmul, {rows, b.last});
  a = {};
  a.axis = 1;
  b.add(Op::softmax, {b.last}, a);
  a = {};
  a.axes = {0};
  a.keep_dims = false;
  b.add(Op::reduce_mean, {b.last}, a);
  return b.finish();
}

std::vector<float> run(const Graph& graph, const std::vector<float>& chw) {
  const Shape& shape = graph.shape(graph.input);
  std::vector<float> hwc(chw.size());
  const std::int64_t plane = shape[1] * shape[2];
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    for (std::int64_t p = 0; p < plane; ++p)
      hwc[static_cast<std::size_t>(p * shape[0] + c)] = chw[static_cast<std::size_t>(c * plane + p)];
  }
  const QuantizedModel model = float_model(graph);
  const Executor executor(model);
  Executor::Workspace workspace;
  std::vector<float> scores;
  executor.run(hwc, workspace, scores);
  return scores;
}

// torch and the executor sum in other orders: a relative error of sums of at most a few thousand products, through a
// dozen layers, in float32.
constexpr double tolerance = 2e-5;

void expect_same(const torch::Tensor& got, const std::vector<float>& wanted) {
  ASSERT_EQ(got.numel(), static_cast<std::int64_t>(wanted.size()));
  double largest = 1e-3;
  for (const float w : wanted) largest = std::max<double>(largest, std::abs(w));
  const torch::Tensor flat = got.detach().contiguous();
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(flat.data_ptr<float>()[i], wanted[i], tolerance * largest) << i;
}

TEST(GraphModule, ComputesWhatTheExecutorComputes) {
  const Graph graph = everything();
  GraphModule module(graph);
  module.eval();
  const torch::NoGradGuard guard;
  torch::manual_seed(3);
  const torch::Tensor x = torch::randn({3, 4, 9, 7});
  const torch::Tensor y = module.forward(x);
  const Graph back = module.graph();
  for (std::int64_t i = 0; i < 3; ++i) {
    const torch::Tensor image = x[i].contiguous();
    const std::vector<float> chw(image.data_ptr<float>(), image.data_ptr<float>() + image.numel());
    expect_same(y[i], run(graph, chw));
    expect_same(y[i], run(back, chw));
  }
}

// What was trained is what the graph that comes back computes.
TEST(GraphModule, TrainsAndGoesBack) {
  GraphModule module(everything());
  torch::manual_seed(4);
  torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  const torch::Tensor x = torch::randn({8, 4, 9, 7});
  const torch::Tensor before = module.layer(1).weight.detach().clone(), mean = module.layer(1).mean.clone();
  double first = 0, last = 0;
  const std::int64_t classes = module.source().shape(module.source().output)[0];
  const torch::Tensor target = torch::arange(8) % classes;
  for (int t = 0; t < 30; ++t) {
    const torch::Tensor loss = torch::nn::functional::cross_entropy(50 * module.forward(x), target);
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    (t == 0 ? first : last) = loss.item<double>();
  }
  EXPECT_LT(last, first);
  EXPECT_FALSE(torch::equal(before, module.layer(1).weight));
  EXPECT_FALSE(torch::equal(mean, module.layer(1).mean));
  module.eval();
  const torch::NoGradGuard guard;
  const torch::Tensor image = x[0].contiguous();
  const std::vector<float> chw(image.data_ptr<float>(), image.data_ptr<float>() + image.numel());
  expect_same(module.forward(x.slice(0, 0, 1))[0], run(module.graph(), chw));
}

}  // namespace
}  // namespace bitsieve::train
