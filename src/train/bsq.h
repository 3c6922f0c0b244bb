// BSQ: every bit of every weight is trained (specification of BSQ, A). The network computes with weights of whole
// steps; their gradient is all that torch gives, and the fused step of kernels/plane_step turns it into one of the
// planes.
#pragma once
#include "methods/bsq/bit_planes.h"
#include "train/method.h"
#include "train/options.h"
#include "train/pace.h"

namespace bitsieve::train {

struct BsqLayer {
  std::size_t node = 0;
  std::string name;  // of the node
  bsq::BitPlanes planes;
  bsq::Adjustment adjusted;      // over all adjustments
  std::vector<float> shrinkage;  // R, as planes
  std::vector<float> momentum;   // M, as weights
  double scale_momentum = 0;
  double scale_start = 0;      // after the last adjustment
  double start = 0;            // sum of norms after the last adjustment
  bool pressed = true;         // by the regularizer, until the next adjustment
  double energy = 0;           // moving mean of squared gradients, of a weight; 0: no step so far
  std::vector<double> norms;   // by bit, of the planes as they are
  std::vector<float> rounded;  // weights of whole steps
  torch::Tensor weight;        // the same, which the network computes with: a leaf, perhaps on another device
};

class BsqMethod final : public Method {
 public:
  // Options as settled() leaves them: alpha has an interval to go by.
  explicit BsqMethod(const BsqOptions& options, const Pace& pace = {}) : options_(options), pace_(pace) {}

  void attach(GraphModule& module) override;
  bool begin_step(GraphModule& module, double epoch, int epochs) override;
  void step(double rate, double momentum) override;
  void finish(GraphModule& module) override;
  std::vector<torch::Tensor> variables() const override;
  // A layer of nothing but zeros has no bits.
  std::vector<LayerBits> layer_bits() const override;
  std::map<std::string, double> chosen() const override;
  void save(State& state) const override;
  void load(const State& state) override;

  const std::vector<BsqLayer>& layers() const { return layers_; }

 private:
  static void restart(BsqLayer& layer);  // after planes were replaced
  static void publish(BsqLayer& layer);
  void step(BsqLayer& layer, double pressure, double rate, double momentum) const;
  void measure(BsqLayer& layer) const;        // energy
  static double cost(const BsqLayer& layer);  // of a coarser step, see BsqOptions::by_sensitivity
  void choose_pressed();
  // The factor of each layer's regularizer.
  std::vector<double> pressures() const;

  double kappa(const BsqLayer& layer) const;  // the share of its bits in all weights (A.3)
  double alpha_for_pace() const;

  BsqOptions options_;
  Pace pace_;
  double alpha_ = 0;
  std::vector<BsqLayer> layers_;
  std::vector<int> layer_of_;             // by node; -1
  std::int64_t weights_ = 0;              // of all layers
  std::int64_t intervals_ = -1;           // that began; -1: none
  bool reached_ = false;                  // the target, at the last adjustment
  std::vector<torch::Tensor> projected_;  // that are no planes: a quirk
};

}  // namespace bitsieve::train
