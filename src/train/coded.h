// Training with weights as a weight code has them (SWIS, and any other of methods/methods.h): the forward pass uses the
// code's weights, gradients go to the float weights behind them.
#pragma once
#include <map>
#include <string>

#include "methods/weight_code.h"
#include "train/method.h"
#include "train/options.h"

namespace bitsieve::train {

class CodedMethod final : public Method {
 public:
  explicit CodedMethod(const CodedOptions& options);

  void attach(GraphModule& module) override;
  void step(double rate, double momentum) override;
  void finish(GraphModule& module) override;
  void save(State& state) const override;
  void load(const State& state) override;

 private:
  struct Layer {
    CodedWeights coded;   // by the last search
    torch::Tensor plain;  // the module's variable
  };

  static torch::Tensor weight(const Layer& layer);
  void search(std::size_t node, Layer& layer) const;
  // Nearest sums of the positions that each group has, with the scales of the last search.
  void round_to_sets(std::size_t node, Layer& layer) const;

  CodedOptions options_;
  WeightCode code_;
  const Graph* graph_ = nullptr;
  std::map<std::size_t, Layer> layers_;  // by node
  std::int64_t steps_ = 0;
};

}  // namespace bitsieve::train
