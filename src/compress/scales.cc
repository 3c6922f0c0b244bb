#include "compress/scales.h"

#include <cmath>
#include <limits>

namespace bitsieve {

double sum_unit(const QuantizedModel& model, std::size_t node, std::size_t filter) {
  const auto input = static_cast<std::size_t>(model.graph.nodes[node].inputs[0]);
  return static_cast<double>(model.values[input].scale) * model.layers[node].weight_scale[filter];
}

void set_multiplier(QuantizedModel& model, std::size_t node, std::size_t filter) {
  const ValueCode& out = model.values[static_cast<std::size_t>(model.graph.nodes[node].output)];
  const double unit = sum_unit(model, node, filter);
  model.layers[node].multiplier[filter] = static_cast<float>(out.type == DType::f32 ? unit : unit / out.scale);
}

void set_multipliers(QuantizedModel& model, std::size_t node) {
  model.layers[node].multiplier.resize(model.layers[node].weight_scale.size());
  for (std::size_t o = 0; o < model.layers[node].weight_scale.size(); ++o) set_multiplier(model, node, o);
}

bool fold_affine(QuantizedModel& model, std::size_t node, std::size_t filter, double gain, double offset) {
  LayerCode& layer = model.layers[node];
  const float before = layer.weight_scale[filter];
  const double scale = before * gain;
  const double size = std::abs(scale);
  if (!(size >= std::numeric_limits<float>::min() && size <= std::numeric_limits<float>::max())) return false;
  layer.weight_scale[filter] = static_cast<float>(scale);
  const double bias = layer.bias[filter] + std::nearbyint(offset / sum_unit(model, node, filter));
  if (!(std::abs(bias) <= bias_limit)) {
    layer.weight_scale[filter] = before;
    return false;
  }
  layer.bias[filter] = static_cast<std::int32_t>(bias);
  set_multiplier(model, node, filter);
  return true;
}

}  // namespace bitsieve
