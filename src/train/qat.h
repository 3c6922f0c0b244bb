// Quantization-aware training with fixed bits (specification of BSQ, A.6, like DoReFa's without its tanh): a latent
// weight w in [-1, 1] and a trained scale (train/trained_scale.h), W = scale * round(w * (2^n - 1)) / (2^n - 1),
// rounding counting as the identity. Finetunes a scheme that BSQ found, and is the plain rival of BSQ at any number of
// bits.
#pragma once
#include <map>
#include <string>

#include "train/method.h"
#include "train/options.h"
#include "train/trained_scale.h"

namespace bitsieve::train {

// What a layer starts from.
struct QatStart {
  int bits = 0;      // of magnitudes; 0: all weights stay 0
  double scale = 0;  // of the weight with all bits; 0: starting_scale() of the module's weights
};

struct QatLayer {
  std::size_t node = 0;
  std::string name;  // of the node
  std::int64_t weights = 0;
  int bits = 0;
  torch::Tensor latent;  // variable of the module; undefined with 0 bits, like the scale
  double unit = 1;       // the latent weight is a multiple of it
  TrainedScale scale;
};

struct QatOptions {
  bool plain_scales = false;         // TrainOptions::plain_scales
  double latent_rate = 1;            // TrainOptions::latent_rate
  bool official_projection = false;  // BsqOptions::official_projection
};

class QatMethod final : public Method {
 public:
  // By node; weighted layers that are not in it stay float.
  explicit QatMethod(std::map<std::size_t, QatStart> starts, const QatOptions& options = {})
      : starts_(std::move(starts)), options_(options) {}

  void attach(GraphModule& module) override;
  void step(double rate, double momentum) override;  // keeps latent weights in [-1, 1], and scales above 0
  void finish(GraphModule& module) override;
  std::vector<LayerBits> layer_bits() const override;
  void save(State& state) const override;
  void load(const State& state) override;

  const std::map<std::size_t, QatLayer>& layers() const { return layers_; }

 private:
  torch::Tensor weight(const QatLayer& layer, const torch::Tensor& plain) const;

  std::map<std::size_t, QatStart> starts_;
  QatOptions options_;
  std::map<std::size_t, QatLayer> layers_;
  std::vector<torch::Tensor> projected_;  // of float layers: a quirk
};

// Learning rate of latent weights of so many bits, to that of everything else, where those of one bit have
// `of_one_bit`: the way to the next level is 1 / (2^n - 1) of a latent's range, and what goes beyond the rate of 1 is
// as much less.
double latent_rate_of(double of_one_bit, int bits);

// The largest weight, or for up to 4 bits the clip between it and a fifth of it with the least squared error.
double starting_scale(const float* weight, std::int64_t count, int bits);

}  // namespace bitsieve::train
