#include "train/qat.h"

#include <gtest/gtest.h>

#include <cmath>

#include "methods/bsq/bit_planes.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

Graph network() { return test::linear_network(20, {16, 12, 4}, 31); }

torch::Tensor weight_of(GraphModule& module, std::size_t node) {
  return module.hooks.weight(node, module.layer(node).weight).detach();
}

void expect_on_grid(const torch::Tensor& weight, double step, int bits) {
  const torch::Tensor k = weight / step;
  EXPECT_LT((k - k.round()).abs().max().item<double>(), 1e-3);
  EXPECT_LE(k.abs().max().item<double>(), (1 << bits) - 1 + 1e-3);
}

TEST(Qat, StaysOnItsGridAndLearns) {
  GraphModule module(network());
  QatMethod method({{0, {3, 0}}, {1, {2, 0}}});  // the last one stays float
  method.attach(module);
  EXPECT_NEAR(magnitude_bits(method.layer_bits()), (3 * 320 + 2 * 192) / 512.0, 1e-12);
  torch::manual_seed(32);
  const torch::Tensor x = torch::randn({128, 20}), y = (x.slice(1, 0, 1) > 0).to(torch::kLong).squeeze(1);
  torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  double first = 0, last = 0;
  for (int t = 0; t < 100; ++t) {
    const torch::Tensor loss = torch::nn::functional::cross_entropy(module.forward(x), y);
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    method.step(0.05, 0.9);
    (t == 0 ? first : last) = loss.item<double>();
    EXPECT_LE(method.layers().at(0).latent.abs().max().item<double>(), 1);
  }
  EXPECT_LT(last, 0.3 * first);
  for (const std::size_t node : {0u, 1u}) {
    const QatLayer& layer = method.layers().at(node);
    expect_on_grid(weight_of(module, node), layer.scale.number() / ((1 << layer.bits) - 1), layer.bits);
  }
  const torch::NoGradGuard guard;
  const torch::Tensor before = module.forward(x);
  method.finish(module);
  EXPECT_TRUE(torch::equal(before, module.forward(x)));
}

// Finetuning starts where BSQ ended, and a layer of no bits stays 0.
TEST(Qat, GoesOnFromWholeSteps) {
  GraphModule module(network());
  torch::Tensor& plain = module.layer(0).weight;
  bsq::BitPlanes planes;
  {
    const torch::NoGradGuard guard;
    planes = bsq::split({plain.data_ptr<float>(), static_cast<std::size_t>(plain.numel())}, 4);
    const std::vector<float> whole = bsq::weights(planes);
    std::copy(whole.begin(), whole.end(), plain.data_ptr<float>());
  }
  const torch::Tensor wanted = plain.detach().clone();
  QatMethod method({{0, {4, planes.scale}}, {1, {0, 0}}});
  method.attach(module);
  EXPECT_LT((weight_of(module, 0) - wanted).abs().max().item<double>(), 1e-6);
  EXPECT_EQ(weight_of(module, 1).abs().max().item<double>(), 0);
  module.forward(torch::randn({4, 20})).sum().backward();
  method.step(0.1, 0.9);
  method.finish(module);
  EXPECT_EQ(module.layer(1).weight.abs().max().item<double>(), 0);
}

// The authors' finetuning keeps weights of float layers in [-1, 1] (B.2).
TEST(Qat, OfficialProjection) {
  for (const bool project : {false, true}) {
    GraphModule module(network());
    module.keep_float = {true, false, false};
    const torch::NoGradGuard guard;
    module.layer(0).weight.fill_(-2);
    module.layer(1).weight.fill_(3);
    QatMethod method({{1, {3, 0}}}, {.official_projection = project});
    method.attach(module);
    method.step(0.1, 0.9);
    EXPECT_EQ(module.layer(0).weight.min().item<double>(), project ? -1 : -2);
    EXPECT_EQ(weight_of(module, 1).max().item<double>(), 3);  // its scale has no such limit
  }
}

// Of one bit by the rate that was asked for, of more bits by less of it; nothing else differs.
TEST(Qat, LatentWeightsHaveARateOfTheirOwn) {
  EXPECT_EQ(latent_rate_of(5, 1), 5);
  EXPECT_EQ(latent_rate_of(5, 3), 1 + 4.0 / 7);
  EXPECT_EQ(latent_rate_of(1, 1), 1);
  for (const int bits : {1, 2, 7}) {
    const auto moved = [&](double of_one_bit) {
      GraphModule module(network());
      QatMethod method({{0, {bits, 0}}}, {.latent_rate = of_one_bit});
      method.attach(module);
      const QatLayer& layer = method.layers().at(0);
      const torch::Tensor before = layer.latent.detach().clone() / layer.unit, weight = weight_of(module, 0);
      torch::manual_seed(33);
      module.forward(torch::randn({8, 20})).square().sum().backward();
      torch::optim::SGD(module.parameters(), torch::optim::SGDOptions(1e-3)).step();
      return std::pair(weight, layer.latent.detach() / layer.unit - before);
    };
    const auto [slow_start, slow] = moved(1);
    const auto [fast_start, fast] = moved(9);
    EXPECT_TRUE(torch::allclose(slow_start, fast_start));
    EXPECT_GT(slow.abs().max().item<double>(), 1e-3);
    EXPECT_TRUE(torch::allclose(fast, slow * latent_rate_of(9, bits), 1e-3, 1e-5)) << bits;
  }
}

TEST(Qat, ClipsFewBits) {
  std::vector<float> w(1000);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(static_cast<float>(i)) * 0.1f;
  w[0] = 1;  // alone far out
  EXPECT_EQ(starting_scale(w.data(), 1000, 7), 1);
  EXPECT_LT(starting_scale(w.data(), 1000, 2), 0.5);
  w.assign(1000, 0);
  EXPECT_EQ(starting_scale(w.data(), 1000, 2), 0);
}

}  // namespace
}  // namespace bitsieve::train
