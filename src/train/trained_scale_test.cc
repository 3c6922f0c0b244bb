#include "train/trained_scale.h"

#include <gtest/gtest.h>

#include "train/bsq.h"
#include "train/msq.h"
#include "train/qat.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

Graph network() { return test::linear_network(20, {16, 12, 4}); }

std::unique_ptr<Method> method_of(const std::string& name) {
  if (name == "qat") return std::make_unique<QatMethod>(std::map<std::size_t, QatStart>{{0, {3, 0}}, {1, {2, 0}}});
  if (name == "msq") return std::make_unique<MsqMethod>(MsqOptions{});
  BsqOptions options = name == "paper" ? paper_bsq() : BsqOptions{};
  options.alpha = 0.01;
  options.interval = 10;
  return std::make_unique<BsqMethod>(options);
}

// The first layer's weights after 30 steps, where inputs are `unit` times as large and its weights that much smaller:
// the same network. In the unit of the plain one.
torch::Tensor trained(const std::string& name, float unit) {
  Graph graph = network();
  for (float& w : graph.nodes[0].params[0].data) w /= unit;
  GraphModule module(graph);
  const auto method = method_of(name);
  method->attach(module);
  std::vector<torch::Tensor> variables;
  for (const torch::Tensor& v : module.parameters()) {
    if (v.requires_grad()) variables.push_back(v);
  }
  torch::optim::SGD sgd(variables, torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(1e-3));
  torch::manual_seed(17);
  const torch::Tensor x = torch::randn({64, 20}), y = (x.slice(1, 0, 1) > 0).to(torch::kLong).squeeze(1);
  for (int t = 0; t < 30; ++t) {
    if (t % 10 == 0) method->begin_step(module, t, 100);
    sgd.zero_grad();
    torch::nn::functional::cross_entropy(module.forward(x * unit), y).backward();
    method->regularize();
    sgd.step();
    method->step(0.05, 0.9);
  }
  method->finish(module);
  return module.layer(0).weight.detach() * unit;
}

// A power of two, so that every number is the other one's multiple without rounding.
TEST(TrainedScale, DoesNotDependOnTheUnitOfInputs) {
  for (const char* name : {"qat", "msq", "bsq"}) EXPECT_TRUE(torch::equal(trained(name, 1), trained(name, 64))) << name;
  EXPECT_FALSE(torch::equal(trained("paper", 1), trained("paper", 64)));  // scales as they are
}

TEST(TrainedScale, StartsExactlyAndStaysPositive) {
  GraphModule module(network());
  TrainedScale scale = TrainedScale::of(module, 0, 0.3f, false);
  EXPECT_EQ(scale.number(), 0.3f);
  EXPECT_TRUE(scale.multiple.requires_grad());
  const torch::NoGradGuard guard;
  scale.multiple.fill_(-3);
  scale.keep_positive();
  EXPECT_GT(scale.number(), 0);
  EXPECT_EQ(TrainedScale().number(), 0);
  const TrainedScale plain = TrainedScale::of(module, 1, 0.3f, true);
  EXPECT_EQ(plain.number(), 0.3f);
  EXPECT_EQ(plain.multiple.item<float>(), 0.3f);
}

}  // namespace
}  // namespace bitsieve::train
