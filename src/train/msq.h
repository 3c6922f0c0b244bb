// MSQ: quantization-aware training that regularizes the least significant bit of the weight itself, and drops that bit
// where few weights still have it (after MSQ, ICCV 2025, arXiv 2507.22349; its formulas are partly reconstructed,
// specification of BSQ, C.6). One variable a weight, where BSQ has two for every bit.
//
//   u = latent * 2^n, k = clamp(round(u), +-(2^n - 1)), weight = scale * k / 2^n
//
// Bins of n bits are two bins of n - 1 bits, so that dropping a bit moves a weight by half a step at most.
// Regularizer: lambda * |u - nearest even number| / 2^n, whose gradient is a sign. Without the paper's Hessian that
// chooses layers to lose two bits at once.
#pragma once
#include <string>
#include <vector>

#include "train/method.h"
#include "train/options.h"
#include "train/pace.h"
#include "train/trained_scale.h"

namespace bitsieve::train {

struct MsqLayer {
  std::size_t node = 0;
  std::string name;  // of the node
  int bits = 0, from_bottom = 0;
  torch::Tensor latent;  // variable of the module
  TrainedScale scale;
};

class MsqMethod final : public Method {
 public:
  explicit MsqMethod(const MsqOptions& options, const Pace& pace = {})
      : options_(options), pace_(pace), rate_(pace.rate) {}

  void attach(GraphModule& module) override;
  // Drops bits at the end of every interval, from layers with the fewest odd integers on, as long as the network has
  // more of them than options.target.
  bool begin_step(GraphModule& module, double epoch, int epochs) override;
  void regularize() override;
  void step(double rate, double momentum) override;  // keeps latent weights in [-1, 1]
  void finish(GraphModule& module) override;
  std::vector<LayerBits> layer_bits() const override;
  void save(State& state) const override;
  void load(const State& state) override;

  const std::vector<MsqLayer>& layers() const { return layers_; }
  // Share of the layer's weights whose integer is odd.
  static double odd_share(const MsqLayer& layer);

 private:
  torch::Tensor weight(const MsqLayer& layer) const;
  bool reached() const;
  double lambda(const MsqLayer& layer) const;

  MsqOptions options_;
  Pace pace_;
  double rate_;  // of the last step
  std::vector<MsqLayer> layers_;
  std::vector<int> layer_of_;   // by node; -1
  std::int64_t intervals_ = 0;  // that ended
};

}  // namespace bitsieve::train
