// BSQ as the authors have it: every plane a variable of torch's, the regularizer part of the loss. The plain reference
// of train/bsq.h, for its tests and for the benchmark: it costs 16 variables a weight where that has a gradient and a
// momentum. Without adjustments; alpha has to be given.
#pragma once
#include <vector>

#include "train/method.h"
#include "train/options.h"

namespace bitsieve::train {

struct PlainBsqLayer {
  std::size_t node = 0;
  int bits = 0;
  torch::Tensor positive, negative;  // [bits][shape of the weight], the highest bit first
  torch::Tensor scale;

  torch::Tensor weight() const;
  torch::Tensor group_lasso() const;  // B_GL (specification of BSQ, A.3)
};

class PlainBsqMethod final : public Method {
 public:
  explicit PlainBsqMethod(const BsqOptions& options) : options_(options) {}

  void attach(GraphModule& module) override;
  void regularize() override;
  void step(double rate, double momentum) override;  // keeps planes in [0, 2]
  void finish(GraphModule& module) override;

  const std::vector<PlainBsqLayer>& layers() const { return layers_; }

 private:
  BsqOptions options_;
  std::vector<PlainBsqLayer> layers_;
  std::vector<int> layer_of_;  // by node; -1
  double weights_ = 0;
};

}  // namespace bitsieve::train
