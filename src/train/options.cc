#include "train/options.h"

#include <algorithm>
#include <cmath>

namespace bitsieve::train {
namespace {

double mean_bits(const std::vector<LayerBits>& layers, int sign) {
  double bits = 0, weights = 0;
  for (const LayerBits& layer : layers) {
    bits += static_cast<double>(layer.weights) * (layer.bits == 0 ? 0 : layer.bits + sign);
    weights += static_cast<double>(layer.weights);
  }
  return weights == 0 ? 0 : bits / weights;
}

}  // namespace

std::string weight_code_of(const LayerBits& layer) {
  return "int" + std::to_string(std::max(layer.bits, 1) + 1) + "-exact";
}

double magnitude_bits(const std::vector<LayerBits>& layers) { return mean_bits(layers, 0); }
double stored_bits(const std::vector<LayerBits>& layers) { return mean_bits(layers, 1); }

BsqOptions paper_bsq() {
  BsqOptions options;
  options.alpha = 5e-3;
  options.bits = 8;
  options.interval = 100;
  options.by_sensitivity = false;
  options.plain_scales = true;
  options.floor = 0;
  options.target = 0;
  return options;
}

std::int64_t intervals_of(double epoch, double interval) {
  return static_cast<std::int64_t>(std::floor(epoch / (interval > 0 ? interval : 1) + 1e-6));
}

TrainOptions settled(TrainOptions options) {
  if (options.bsq.interval == 0) options.bsq.interval = options.trainer.epochs / 6.0;
  if (options.msq.interval == 0) options.msq.interval = options.trainer.epochs / 8.0;
  options.bsq.plain_scales = options.msq.plain_scales = options.plain_scales;
  if (!options.restart) options.restart = options.method == "bsq" || options.method == "msq";
  // Float weights have all of the way to few bits to go; those that were found are there. And what the search takes of
  // an equal budget is lost: a short one finds as good a scheme.
  const bool again = *options.restart;
  if (options.finetune_epochs < 0) options.finetune_epochs = options.trainer.epochs * (again ? 5 : 1);
  if (options.finetune_rate < 0) options.finetune_rate = options.trainer.schedule.rate / (again ? 1 : 2);
  return options;
}

}  // namespace bitsieve::train
