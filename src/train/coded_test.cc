#include "train/coded.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "methods/methods.h"
#include "quant/k_order.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

// A conv of 6 channels: groups of four, the last of each tap padded.
Graph network() {
  Graph graph;
  graph.name = "conv";
  graph.input = graph.add_value("input", {6, 5, 5});
  torch::manual_seed(61);
  graph.nodes = {test::conv_node(graph, graph.input, {10, 6, 3, 3}, 1, 0.2)};
  graph.output = graph.nodes[0].output;
  validate(graph);
  return graph;
}

CodedWeights coded(const Node& node, const std::string& code) {
  const std::vector<float> w = weights_in_k_order(node);
  const std::int64_t outputs = node.weight().shape[0];
  return require_weight_code(code).quantize(
      {w.data(), outputs, static_cast<std::int64_t>(w.size()) / outputs, filter_depth(node)});
}

void train_a_little(GraphModule& module, CodedMethod& method) {
  torch::manual_seed(62);
  torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(0.02));
  const torch::Tensor x = torch::randn({8, 6, 5, 5}), y = torch::randn({8, 10, 3, 3});
  double first = 0, last = 0;
  for (int t = 0; t < 60; ++t) {
    sgd.zero_grad();
    const torch::Tensor loss = (module.forward(x) - y).square().mean() * 10;
    loss.backward();
    sgd.step();
    method.step(0.02, 0);
    (t == 0 ? first : last) = loss.item<double>();
  }
  EXPECT_LT(last, 0.9 * first);
}

class Codes : public testing::TestWithParam<const char*> {};

// What training leaves is exactly what the code "-exact" makes of it.
TEST_P(Codes, LeaveWeightsThatTheCodeRepresents) {
  for (const std::int64_t interval : {0, 1, 7}) {
    GraphModule module(network());
    CodedMethod method({GetParam(), interval});
    method.attach(module);
    train_a_little(module, method);
    method.finish(module);
    const Graph graph = module.graph();
    const CodedWeights found = coded(graph.nodes[0], std::string(GetParam()) + "-exact");
    const std::vector<float> wanted = weights_in_k_order(graph.nodes[0]);
    const std::size_t k = wanted.size() / found.scale.size();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      ASSERT_NEAR(static_cast<double>(found.q[i]) * found.scale[i / k], wanted[i], 1e-5) << interval << ' ' << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Swis, Codes,
                         testing::Values("swis-n1-m4", "swis-n2-m4", "swis-n2.5-m4", "swis-n3-m8-any", "swisc-n2-m4",
                                         "swis-n4-m16-flat", "swis-n8-m1"));

// With one search at the start every group keeps its positions.
TEST(Coded, FrozenSetsStay) {
  GraphModule module(network());
  CodedMethod method({"swis-n2-m4", 0});
  method.attach(module);
  State before, after;
  method.save(before);
  train_a_little(module, method);
  method.save(after);
  EXPECT_EQ(before.array("sets conv"), after.array("sets conv"));
  EXPECT_EQ(before.array("scales conv"), after.array("scales conv"));
  EXPECT_NE(before.array("integers conv"), after.array("integers conv"));
}

TEST(Coded, RefusesWhatItCannotTrain) {
  EXPECT_THROW(CodedMethod({"swis-n2-m4-measured", 1}), Error);
  EXPECT_THROW(CodedMethod({"nothing", 1}), Error);
}

}  // namespace
}  // namespace bitsieve::train
