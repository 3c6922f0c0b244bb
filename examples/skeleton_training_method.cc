// A training method: weights that are powers of two. To make it part of the program: these lines as a file of
// src/train/, and a row in the table of src/train/methods.cc.
#include <cstdio>

#include "train/method.h"
#include "train/through.h"

namespace {

using namespace bitsieve;

class PowersOfTwo final : public train::Method {
 public:
  // The hook is what the network computes with; the float weight behind it stays the module's variable, which the
  // optimizer trains. What a method wants trained besides it registers with the module.
  void attach(train::GraphModule& module) override {
    module.hooks.weight = [&module](std::size_t node, const torch::Tensor& weight) {
      return module.coded(node) ? nearest(weight) : weight;
    };
  }

  // At the end the module has the weights that the network computed with.
  void finish(train::GraphModule& module) override {
    const torch::NoGradGuard guard;
    for (std::size_t node = 0; node < module.source().nodes.size(); ++node) {
      if (module.coded(node)) module.layer(node).weight.copy_(nearest(module.layer(node).weight));
    }
    module.hooks.weight = {};
  }

 private:
  static torch::Tensor nearest(const torch::Tensor& weight) {
    const torch::Tensor w = weight.detach();
    return train::through(weight, w.sign() * w.abs().clamp_min(1e-9).log2().round().exp2());
  }
};

Graph one_layer() {
  Graph graph;
  graph.name = "one";
  graph.input = graph.add_value("input", {3});
  Node node{};
  node.op = Op::linear;
  node.name = "layer";
  node.inputs = {graph.input};
  Tensor weight({1, 3}, 0.0f);
  weight.data = {0.3f, -0.9f, 0.1f};
  node.params = {weight};
  node.output = graph.output = graph.add_value("scores", {1});
  graph.nodes = {node};
  return graph;
}

}  // namespace

int main() {
  train::GraphModule module(one_layer());
  PowersOfTwo method;
  method.attach(module);
  torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(0.05));
  const torch::Tensor x = torch::eye(3), wanted = torch::tensor({{1.0f}, {-0.5f}, {0.25f}});
  for (int step = 0; step < 200; ++step) {
    sgd.zero_grad();
    torch::mse_loss(module.forward(x), wanted).backward();
    method.regularize();
    sgd.step();
    method.step(0.05, 0);
  }
  method.finish(module);
  const torch::Tensor w = module.layer(0).weight.detach();
  std::printf("weights %g %g %g\n", w[0][0].item<double>(), w[0][1].item<double>(), w[0][2].item<double>());
  return w[0][0].item<float>() == 1 && w[0][1].item<float>() == -0.5f && w[0][2].item<float>() == 0.25f ? 0 : 1;
}
