#include "train/msq.h"

#include <gtest/gtest.h>

#include <cmath>

#include "train/test_network.h"

namespace bitsieve::train {
namespace {

Graph network() { return test::linear_network(20, {16, 12, 4}, 51); }

torch::Tensor weight_of(GraphModule& module, std::size_t node) {
  return module.hooks.weight(node, module.layer(node).weight).detach();
}

// Bins of n bits are two of n - 1: integers are halved, and weights move by half a step.
TEST(Msq, DropsTheLowestBit) {
  GraphModule module(network());
  MsqOptions options;
  options.odd_share = 1;  // always
  options.target = 5;
  MsqMethod method(options);
  method.attach(module);
  for (int epoch = 1; epoch < 4; ++epoch) {
    const MsqLayer& layer = method.layers()[0];
    const double scale = layer.scale.number();
    const torch::Tensor before = weight_of(module, 0);
    const int bits = layer.bits;
    method.begin_step(module, epoch, 10);
    const torch::Tensor after = weight_of(module, 0), k = after / scale * std::ldexp(1.0, layer.bits);
    EXPECT_LT((k - k.round()).abs().max().item<double>(), 1e-4);
    EXPECT_LE(k.abs().max().item<double>(), std::ldexp(1.0, layer.bits) - 1 + 1e-4);
    if (epoch < 3) {
      EXPECT_EQ(layer.bits, bits - 1);
      // Half of the new step; where the largest integer has no neighbour above, the whole of it.
      EXPECT_LE((after - before).abs().max().item<double>(), scale / std::ldexp(1.0, layer.bits) * (1 + 1e-4));
    } else {
      EXPECT_EQ(layer.bits, bits);  // the target is reached
    }
  }
  const std::vector<LayerBits> layers = method.layer_bits();
  EXPECT_EQ(layers[0].bits, 5);
  EXPECT_EQ(layers[0].from_bottom, 2);
  // As QAT would have it: scale * k / (2^n - 1).
  EXPECT_NEAR(layers[0].scale / 31, method.layers()[0].scale.number() / 32, 1e-6);
}

// Where one layer's bit is enough, it is that of the layer with fewer odd integers, whichever comes first.
TEST(Msq, TheMostEvenLayersLoseBitsFirst) {
  for (const std::size_t even : {0u, 1u}) {
    GraphModule module(network());
    MsqOptions options;
    options.bits = 5;
    options.odd_share = 1;
    options.target = 4.7;  // one of the first two layers is enough
    MsqMethod method(options);
    method.attach(module);
    {
      const torch::NoGradGuard guard;
      const torch::Tensor latent = method.layers()[even].latent;  // the same variable
      latent.copy_((latent * 8).round() / 8);
    }
    method.begin_step(module, 1, 10);
    for (const std::size_t layer : {0u, 1u, 2u}) EXPECT_EQ(method.layers()[layer].bits, layer == even ? 4 : 5);
  }
}

// The regularizer alone makes integers even, and nothing else does.
TEST(Msq, RegularizesTheLowestBit) {
  for (const double lambda : {0.0, 1e-3}) {
    GraphModule module(network());
    MsqOptions options;
    options.bits = 6;
    options.lambda = lambda;
    MsqMethod method(options);
    method.attach(module);
    const double before = MsqMethod::odd_share(method.layers()[0]);
    EXPECT_GT(before, 0.3);
    torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(0.1));
    const torch::Tensor x = torch::zeros({2, 20});  // no gradient for the first layer's weights
    for (int t = 0; t < 300; ++t) {
      sgd.zero_grad();
      module.forward(x).sum().backward();
      method.regularize();
      sgd.step();
      method.step(0.1, 0);
    }
    const double after = MsqMethod::odd_share(method.layers()[0]);
    if (lambda > 0) {
      EXPECT_LT(after, 0.02);
    } else {
      EXPECT_EQ(after, before);
    }
  }
}

// Without a lambda all weights are even after a third of an interval, whatever the rate is and falls to; but those at
// the top, beyond the largest even number, whose largest integer is odd.
TEST(Msq, LambdaFollowsThePace) {
  for (const int bits : {2, 6}) {
    for (const double rate : {0.3, 0.01}) {
      GraphModule module(network());
      MsqOptions options;
      options.bits = bits;
      options.target = 1;
      const Pace pace{300, rate, 0.9};
      MsqMethod method(options, pace);
      method.attach(module);
      const auto odd = [&] { return MsqMethod::odd_share(method.layers()[0]); };
      const double at_top = (method.layers()[0].latent.detach().abs() > 1 - std::ldexp(1.0, -bits))
                                .to(torch::kDouble)
                                .mean()
                                .item<double>();
      ASSERT_GT(odd() - at_top, 0.15);
      torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(rate).momentum(0.9));
      const torch::Tensor x = torch::zeros({2, 20});  // no gradient for the first layer's weights
      int steps = 0;
      for (; odd() > at_top + 0.02 && steps < 300; ++steps) {
        const double now = rate * (1 - steps / 400.0);
        for (auto& group : sgd.param_groups()) group.options().set_lr(now);
        sgd.zero_grad();
        module.forward(x).sum().backward();
        method.regularize();
        sgd.step();
        method.step(now, 0.9);
      }
      EXPECT_NEAR(steps, 100, 25) << bits << ' ' << rate;  // momentum has to gather first
    }
  }
}

TEST(Msq, LeavesWholeSteps) {
  GraphModule module(network());
  MsqMethod method({});
  method.attach(module);
  const torch::NoGradGuard guard;
  const torch::Tensor x = torch::randn({8, 20}), before = module.forward(x);
  method.finish(module);
  EXPECT_TRUE(torch::equal(before, module.forward(x)));
}

}  // namespace
}  // namespace bitsieve::train
