#include "train/bsq.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "train/test_network.h"
#include "train/through.h"

namespace bitsieve::train {
namespace {

Graph network() { return test::linear_network(24, {16, 5}); }

// A layer as the authors have it: every plane a variable of torch's.
struct Plain {
  torch::Tensor positive, negative, scale;
  int bits;

  Plain(const bsq::BitPlanes& planes, torch::IntArrayRef shape) : bits(planes.bits) {
    const std::int64_t half = planes.bits * planes.size;
    std::vector<std::int64_t> all(shape.begin(), shape.end());
    all.insert(all.begin(), bits);
    auto* values = const_cast<float*>(planes.values.data());
    positive = torch::from_blob(values, all).clone().set_requires_grad(true);
    negative = torch::from_blob(values + half, all).clone().set_requires_grad(true);
    scale = torch::tensor(planes.scale).set_requires_grad(true);
  }

  torch::Tensor weight() const {
    torch::Tensor u = torch::zeros_like(positive[0]);
    for (int b = 0; b < bits; ++b) u = u + (1 << b) * (positive[bits - 1 - b] - negative[bits - 1 - b]);
    return scale * (round_through(u) / static_cast<double>((1 << bits) - 1));
  }

  torch::Tensor group_lasso() const {
    torch::Tensor sum = torch::zeros({});
    for (int b = 0; b < bits; ++b)
      sum = sum + torch::sqrt(bsq::norm_epsilon + positive[b].square().sum() + negative[b].square().sum());
    return sum;
  }
};

// 200 steps against torch's autograd and SGD on every plane, with the regularizer in the loss. The loss is linear in
// the weights, so that a weight that is rounded the other way does not send both on other ways; and no plane dies,
// since the regularizer's gradient Pi / ||Pi|| makes much of the least difference where hardly anything is left.
TEST(Bsq, IsPlainAutogradOnPlanes) {
  const Graph graph = network();
  GraphModule module(graph);
  BsqOptions options;
  options.alpha = 0.03;
  options.decay = 1e-3;
  options.bits = 5;
  BsqMethod method(options);
  method.attach(module);
  std::vector<Plain> plain;
  double weights = 0;
  for (const BsqLayer& layer : method.layers()) {
    plain.emplace_back(layer.planes, layer.weight.sizes());
    weights += static_cast<double>(layer.planes.size);
  }
  std::vector<torch::Tensor> planes, scales;
  for (const Plain& layer : plain) {
    planes.push_back(layer.positive);
    planes.push_back(layer.negative);
    scales.push_back(layer.scale);
  }
  torch::optim::SGD sgd(planes, torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(options.decay));
  torch::optim::SGD sgd_scales(scales, torch::optim::SGDOptions(0.05).momentum(0.9));
  torch::manual_seed(12);
  double at_bounds = 0, worst = 0, worst_scale = 0;
  for (int t = 0; t < 200; ++t) {
    sgd.zero_grad();
    sgd_scales.zero_grad();
    torch::Tensor plain_loss = torch::zeros({});
    for (std::size_t l = 0; l < plain.size(); ++l) {
      const BsqLayer& layer = method.layers()[l];
      const torch::Tensor g = torch::randn(layer.weight.sizes()) * 0.1;
      (layer.weight * g).sum().backward();
      const double kappa = static_cast<double>(layer.planes.size) * layer.planes.bits / weights;
      plain_loss = plain_loss + (plain[l].weight() * g).sum() + options.alpha * kappa * plain[l].group_lasso();
    }
    plain_loss.backward();
    sgd.step();
    sgd_scales.step();
    method.step(0.05, 0.9);
    const torch::NoGradGuard guard;
    for (std::size_t l = 0; l < plain.size(); ++l) {
      plain[l].positive.clamp_(0, 2);
      plain[l].negative.clamp_(0, 2);
      const BsqLayer& layer = method.layers()[l];
      const torch::Tensor both = torch::cat({plain[l].positive, plain[l].negative}).contiguous();
      for (std::size_t j = 0; j < layer.planes.values.size(); ++j) {
        const float value = layer.planes.values[j];
        at_bounds += value == 0 || value == 2;
        worst = std::max<double>(worst, std::abs(value - both.data_ptr<float>()[j]));
      }
      worst_scale = std::max(worst_scale, std::abs(plain[l].scale.item<double>() / layer.planes.scale - 1));
    }
  }
  EXPECT_GT(at_bounds, 10000);
  for (const BsqLayer& layer : method.layers())
    EXPECT_GT(*std::min_element(layer.norms.begin(), layer.norms.end()), 0.1);
  // As in kernels/plane_step: half of 2^-22 for each of three float32 results in each step.
  EXPECT_LT(worst, 200 * 3 * 1.2e-7);
  EXPECT_LT(worst_scale, 200 * 3 * 1.2e-7);
}

// The network computes with whole steps at all times, and adjustments do not change what it computes.
TEST(Bsq, AdjustmentsKeepTheNetwork) {
  GraphModule module(network());
  BsqOptions options;
  options.alpha = 2;
  options.interval = 2;
  BsqMethod method(options);
  method.attach(module);
  torch::manual_seed(13);
  const torch::Tensor x = torch::randn({64, 24}), y = torch::randint(5, {64}, torch::kLong);
  for (int epoch = 0; epoch < 8; ++epoch) {
    torch::Tensor before;
    {
      const torch::NoGradGuard guard;
      before = module.forward(x);
    }
    method.begin_epoch(module, epoch, 8);
    {
      const torch::NoGradGuard guard;
      EXPECT_LT((module.forward(x) - before).abs().max().item<double>(),
                1e-4 * before.abs().max().item<double>() + 1e-6);
    }
    for (int t = 0; t < 40; ++t) {
      torch::nn::functional::cross_entropy(module.forward(x), y).backward();
      method.step(0.05, 0.9);
      for (const BsqLayer& layer : method.layers()) {
        const torch::Tensor k = layer.weight.detach() / layer.planes.step();
        ASSERT_LT((k - k.round()).abs().max().item<double>(), 1e-3);
      }
    }
  }
  method.begin_epoch(module, 8, 8);
  EXPECT_LT(magnitude_bits(method.layer_bits()), 8);
  int stripped = 0;
  for (const BsqLayer& layer : method.layers()) stripped += layer.adjusted.from_top + layer.adjusted.from_bottom;
  EXPECT_GT(stripped, 0);
  const torch::NoGradGuard guard;
  const torch::Tensor last = module.forward(x);
  method.finish(module);
  EXPECT_TRUE(torch::equal(last, module.forward(x)));
}

}  // namespace
}  // namespace bitsieve::train
