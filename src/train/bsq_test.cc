#include "train/bsq.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "train/plain_bsq.h"
#include "train/test_network.h"

namespace bitsieve::train {
namespace {

Graph network() { return test::linear_network(24, {16, 5}); }

// 200 steps against torch's autograd and SGD on every plane, with the regularizer in the loss. The loss is linear in
// the weights, so that a weight that is rounded the other way does not send both on other ways; and no plane dies,
// since the regularizer's gradient Pi / ||Pi|| makes much of the least difference where hardly anything is left.
TEST(Bsq, IsPlainAutogradOnPlanes) {
  const Graph graph = network();
  GraphModule module(graph), plain_module(graph);
  BsqOptions options = paper_bsq();
  options.alpha = 0.03;
  options.decay = 1e-3;
  options.bits = 5;
  BsqMethod method(options);
  method.attach(module);
  PlainBsqMethod plain(options);
  plain.attach(plain_module);
  std::vector<torch::Tensor> planes, scales;
  for (const PlainBsqLayer& layer : plain.layers()) {
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
    for (std::size_t l = 0; l < plain.layers().size(); ++l) {
      const torch::Tensor& weight = method.layers()[l].weight;
      const torch::Tensor g = torch::randn(weight.sizes()) * 0.1;
      (weight * g).sum().backward();
      (plain.layers()[l].weight() * g).sum().backward();
    }
    plain.regularize();
    sgd.step();
    sgd_scales.step();
    plain.step(0.05, 0.9);
    method.step(0.05, 0.9);
    const torch::NoGradGuard guard;
    for (std::size_t l = 0; l < plain.layers().size(); ++l) {
      const BsqLayer& layer = method.layers()[l];
      const PlainBsqLayer& other = plain.layers()[l];
      const torch::Tensor both = torch::cat({other.positive, other.negative}).contiguous();
      for (std::size_t j = 0; j < layer.planes.values.size(); ++j) {
        const float value = layer.planes.values[j];
        at_bounds += value == 0 || value == 2;
        worst = std::max<double>(worst, std::abs(value - both.data_ptr<float>()[j]));
      }
      worst_scale = std::max(worst_scale, std::abs(other.scale.item<double>() / layer.planes.scale - 1));
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
  BsqOptions options = paper_bsq();
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
    method.begin_step(module, epoch, 8);
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
  method.begin_step(module, 8, 8);
  EXPECT_LT(magnitude_bits(method.layer_bits()), 8);
  int stripped = 0;
  for (const BsqLayer& layer : method.layers()) stripped += layer.adjusted.from_top + layer.adjusted.from_bottom;
  EXPECT_GT(stripped, 0);
  const torch::NoGradGuard guard;
  const torch::Tensor last = module.forward(x);
  method.finish(module);
  EXPECT_TRUE(torch::equal(last, module.forward(x)));
}

// The loss may be a number where a gradient is none.
TEST(Bsq, RefusesGradientsThatAreNoNumbers) {
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    GraphModule module(network());
    BsqMethod method({});
    method.attach(module);
    for (const BsqLayer& layer : method.layers()) layer.weight.mutable_grad() = torch::zeros_like(layer.weight);
    method.layers()[1].weight.mutable_grad()[0][0] = wrong;
    try {
      method.step(0.1, 0.9);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(method.layers()[1].name), std::string::npos) << error.what();
    }
  }
}

// The authors' clip hides what a carry has brought until the next adjustment (specification of BSQ, B.1 and A.8-C).
TEST(Bsq, OfficialClip) {
  for (const bool clip : {false, true}) {
    GraphModule module(network());
    BsqOptions options = paper_bsq();
    options.alpha = 0;
    options.bits = 2;
    options.official_clip = clip;
    BsqMethod method(options);
    method.attach(module);
    const BsqLayer& layer = method.layers()[0];
    for (int t = 0; t < 40; ++t) {
      layer.weight.mutable_grad() = -torch::sign(layer.weight.detach());  // all grow
      method.step(0.05, 0);
    }
    const double step = layer.planes.step();
    EXPECT_NEAR(layer.weight.detach().abs().max().item<double>(), (clip ? 3 : 6) * step, 1e-3 * step);
    method.begin_step(module, 0, 10);
    EXPECT_NEAR(layer.weight.detach().abs().max().item<double>(), 6 * step, 1e-3 * step);
    EXPECT_EQ(layer.adjusted.grown, 1);
  }
}

// The authors decay scales as well (specification of BSQ, B.5): without a gradient a scale stays, or shrinks by its
// share.
TEST(Bsq, OfficialScaleDecay) {
  for (const bool decayed : {false, true}) {
    GraphModule module(network());
    BsqOptions options = paper_bsq();
    options.alpha = 0;
    options.decay = 0.125;
    options.official_scale_decay = decayed;
    BsqMethod method(options);
    method.attach(module);
    const BsqLayer& layer = method.layers()[0];
    const float before = layer.planes.scale;
    layer.weight.mutable_grad() = torch::zeros_like(layer.weight);
    method.step(0.5, 0.9);
    EXPECT_FLOAT_EQ(layer.planes.scale, decayed ? before * (1 - 0.5f * 0.125f) : before);
    layer.weight.mutable_grad() = torch::zeros_like(layer.weight);
    method.step(0.5, 0.9);  // momentum: 0.9 of the first decay and that of what was left
    const double first = 0.125 * before, second = 0.9 * first + 0.125 * (before - 0.5 * first);
    EXPECT_FLOAT_EQ(layer.planes.scale, static_cast<float>(decayed ? before - 0.5 * (first + second) : before));
  }
}

// The regularizer alone empties a layer, unless it has to leave more than half of it; at the target it rests.
TEST(Bsq, LeavesLayersAlive) {
  for (const double floor : {0.0, 0.55}) {
    GraphModule module(network());
    BsqOptions options = paper_bsq();
    options.alpha = 0.1;
    options.floor = floor;
    options.interval = 1;
    BsqMethod method(options);
    method.attach(module);
    for (int epoch = 0; epoch < 12; ++epoch) {
      method.begin_step(module, epoch, 100);
      for (int t = 0; t < 100; ++t) {
        for (const BsqLayer& layer : method.layers())
          torch::Tensor(layer.weight).mutable_grad() = torch::zeros_like(layer.weight);
        method.step(0.05, 0.9);
      }
    }
    for (const LayerBits& layer : method.layer_bits()) EXPECT_EQ(layer.bits, floor > 0 ? 1 : 0) << layer.node;
  }
  GraphModule module(network());
  BsqOptions options = paper_bsq();
  options.alpha = 3;
  options.target = 8;
  BsqMethod method(options);
  method.attach(module);
  method.begin_step(module, 0, 100);  // eight bits are what it starts with
  const std::vector<float> before = method.layers()[0].planes.values;
  for (const BsqLayer& layer : method.layers())
    torch::Tensor(layer.weight).mutable_grad() = torch::zeros_like(layer.weight);
  method.step(0.05, 0.9);
  EXPECT_EQ(method.layers()[0].planes.values, before);
}

// By sensitivity: of two layers alike the one with small gradients loses its bits, the one that the loss needs keeps
// them; by memory both are the same.
TEST(Bsq, WeighsLayersByWhatTheyCost) {
  for (const bool sensitivity : {false, true}) {
    GraphModule module(test::linear_network(16, {17, 16}));
    BsqOptions options = paper_bsq();
    options.alpha = 0.02;
    options.decay = 0;
    options.by_sensitivity = sensitivity;
    BsqMethod method(options);
    method.attach(module);
    torch::manual_seed(14);
    std::vector<double> before;
    for (const BsqLayer& layer : method.layers()) before.push_back(layer.start);
    for (int t = 0; t < 60; ++t) {
      for (std::size_t l = 0; l < 2; ++l) {
        const torch::Tensor& weight = method.layers()[l].weight;
        torch::Tensor(weight).mutable_grad() = torch::randn(weight.sizes()) * (l == 0 ? 1e-3 : 4e-3);
      }
      method.step(0.05, 0.9);
    }
    std::vector<double> left;
    for (std::size_t l = 0; l < 2; ++l) {
      double sum = 0;
      for (const double norm : method.layers()[l].norms) sum += norm;
      left.push_back(sum / before[l]);
    }
    // Sixteen times the squared gradient, and a scale of 0.74 to 0.90: the fourth root of 11 between the regularizers.
    if (sensitivity) {
      EXPECT_NEAR((1 - left[0]) / (1 - left[1]), std::pow(11, 0.25), 0.15);
    } else {
      EXPECT_NEAR(left[0], left[1], 0.1 * left[1]);
    }
  }
}

// The last step towards the target is taken by as many layers as it needs, those that the loss needs least first.
TEST(Bsq, CheapestLayersGoToTheTarget) {
  GraphModule module(test::linear_network(16, {16, 17, 18, 19}));
  BsqOptions options;
  options.alpha = 0.05;
  options.bits = 4;
  options.target = 3.5;  // two of the four layers have to lose a bit
  options.interval = 1;
  BsqMethod method(options);
  method.attach(module);
  torch::manual_seed(15);
  const double gradients[] = {4e-3, 1e-3, 8e-3, 2e-3};
  for (int epoch = 0; epoch <= 2; ++epoch) {
    method.begin_step(module, epoch, 100);
    if (epoch == 1) {
      const bool expected[] = {false, true, false, true};
      for (std::size_t l = 0; l < 4; ++l) EXPECT_EQ(method.layers()[l].pressed, expected[l]) << l;
    }
    for (int t = 0; t < (epoch == 0 ? 1 : 200); ++t) {
      for (std::size_t l = 0; l < 4; ++l) {
        const torch::Tensor& weight = method.layers()[l].weight;
        torch::Tensor(weight).mutable_grad() = torch::randn(weight.sizes()) * gradients[l];
      }
      method.step(0.05, 0.9);
    }
  }
  const std::vector<LayerBits> found = method.layer_bits();
  EXPECT_LE(magnitude_bits(found), options.target);
  EXPECT_GE(magnitude_bits(found), 3);
  EXPECT_EQ(found[0].bits, 4);
  EXPECT_EQ(found[2].bits, 4);
}

// Where a large layer takes the last step, a smaller one that was cheaper keeps its bit.
TEST(Bsq, NoMoreLayersThanTheTargetNeeds) {
  GraphModule module(test::linear_network(16, {16, 17, 128}));  // 256, 272 and 2176 weights
  BsqOptions options;
  options.alpha = 0.05;
  options.bits = 4;
  options.target = 3.15;  // 2298 bits have to go
  options.interval = 1;
  BsqMethod method(options);
  method.attach(module);
  method.begin_step(module, 0, 100);
  torch::manual_seed(16);
  const double gradients[] = {2e-3, 1e-3, 4e-3};
  for (std::size_t l = 0; l < 3; ++l) {
    const torch::Tensor& weight = method.layers()[l].weight;
    torch::Tensor(weight).mutable_grad() = torch::randn(weight.sizes()) * gradients[l];
  }
  method.step(0.05, 0.9);
  method.begin_step(module, 1, 100);
  const bool expected[] = {false, true, true};
  for (std::size_t l = 0; l < 3; ++l) EXPECT_EQ(method.layers()[l].pressed, expected[l]) << l;
}

// Where an interval ends, within an epoch or not, and after the last step; a sixth is no number of ours.
TEST(Bsq, AdjustsWhenAnIntervalEnds) {
  for (const double interval : {1.0 / 6, 0.25, 0.5, 1.0, 2.0}) {
    GraphModule module(network());
    BsqOptions options;
    options.alpha = 0.1;
    options.interval = interval;
    BsqMethod method(options);
    method.attach(module);
    constexpr int epochs = 3, batches = 12;
    int adjusted = 0;
    for (int b = 0; b < epochs * batches; ++b) {
      const bool due = b % static_cast<int>(std::lround(interval * batches)) == 0;
      EXPECT_EQ(method.begin_step(module, b / batches + b % batches / 12.0, epochs), due) << interval << ' ' << b;
      adjusted += due;
    }
    EXPECT_TRUE(method.begin_step(module, epochs, epochs));
    EXPECT_EQ(adjusted, static_cast<int>(std::ceil(epochs / interval - 1e-9)));
  }
}

// Without the loss the network gets to the floor in a third of the steps between two adjustments.
TEST(Bsq, AlphaFollowsThePace) {
  BsqOptions options;
  options.decay = 0;
  options.by_sensitivity = false;
  options.target = 0;
  Pace pace;
  pace.steps = 600;
  pace.rate = 0.02;
  // At the mean rate and where the schedule has left little of it.
  for (const double rate : {pace.rate, pace.rate / 8}) {
    GraphModule module(test::linear_network(64, {65, 64}));
    BsqMethod method(options, pace);
    method.attach(module);
    EXPECT_EQ(method.chosen().count("--alpha"), 1u);
    int steps = 0;
    for (double left = 1; left > options.floor && steps < pace.steps; ++steps) {
      for (const BsqLayer& layer : method.layers())
        torch::Tensor(layer.weight).mutable_grad() = torch::zeros_like(layer.weight);
      method.step(rate, pace.momentum);
      double sum = 0;
      for (const double norm : method.layers()[0].norms) sum += norm;
      left = sum / method.layers()[0].start;
    }
    EXPECT_NEAR(steps, 200, 40) << rate;  // momentum has to gather first
  }
}

// Fewer than a fifth of bell-shaped weights have the highest digit (B.8).
TEST(Bsq, StripsPlanesOfFewWeights) {
  for (const double share : {0.0, 0.2}) {
    GraphModule module(network());
    BsqOptions options;
    options.strip_share = share;
    BsqMethod method(options);
    method.attach(module);
    EXPECT_TRUE(method.begin_step(module, 0, 10));
    for (const BsqLayer& layer : method.layers()) {
      EXPECT_EQ(layer.adjusted.from_top > 0, share > 0);
      EXPECT_EQ(layer.planes.bits + layer.adjusted.from_top + layer.adjusted.from_bottom, options.bits);
    }
  }
}

// Layers that stay float are none of BSQ's; the authors' projection reaches them all the same (B.2).
TEST(Bsq, FloatLayersAndOfficialProjection) {
  for (const bool project : {false, true}) {
    GraphModule module(network());
    module.keep_float = {true, false};
    BsqOptions options = paper_bsq();
    options.official_projection = project;
    BsqMethod method(options);
    method.attach(module);
    ASSERT_EQ(method.layers().size(), 1u);
    EXPECT_EQ(method.layers()[0].node, 1u);
    torch::nn::functional::mse_loss(module.forward(torch::ones({4, 24})), torch::zeros({4, 5})).backward();
    method.step(0.05, 0);
    EXPECT_EQ(module.layer(0).weight.min().item<double>() >= 0, project);
  }
}

}  // namespace
}  // namespace bitsieve::train
