// What a way of training does beside plain SGD on the network's float variables.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/state_file.h"
#include "train/graph_module.h"
#include "train/options.h"

namespace bitsieve::train {

class Method {
 public:
  virtual ~Method() = default;

  // Called once, before the optimizer is made. Variables that the method updates itself get requires_grad(false) or are
  // replaced by its hooks, and are then left out of the optimizer; those that it wants trained it registers with the
  // module.
  virtual void attach(GraphModule& module) = 0;

  // Before each batch, `epoch` being epochs done with their fraction, and after the last one, with epoch == epochs.
  // True where variables were replaced, so that the optimizer's momenta no longer mean anything.
  virtual bool begin_step(GraphModule&, double /*epoch*/, int /*epochs*/) { return false; }

  // Variables with gradients that are not the module's.
  virtual std::vector<torch::Tensor> variables() const { return {}; }

  // After the gradients of a batch: adds those of a regularizer to them.
  virtual void regularize() {}

  // After the optimizer's step, before gradients are cleared.
  virtual void step(double /*rate*/, double /*momentum*/) {}

  // Writes the weights that the network computes with into the module's variables.
  virtual void finish(GraphModule&) {}

  // The bits of every layer that it has bits of, by node.
  virtual std::vector<LayerBits> layer_bits() const { return {}; }

  // What it chose itself, by the name of the option.
  virtual std::map<std::string, double> chosen() const { return {}; }

  // What the module's variables and buffers do not hold. load comes after attach.
  virtual void save(State&) const {}
  virtual void load(const State&) {}
};

// Plain SGD.
class FloatMethod final : public Method {
 public:
  void attach(GraphModule&) override {}
};

}  // namespace bitsieve::train
