#include "quant/model.h"

namespace bitsieve {

double stored_weight_bits(const LayerCode& layer) {
  const auto outputs = static_cast<std::int64_t>(layer.weight_scale.size()),
             count = static_cast<std::int64_t>(layer.weight.size());
  if (!layer.shifts.active() || outputs == 0) return static_cast<double>(count) * layer.weight_bits;
  return 8.0 * static_cast<double>(stored_bytes(layer.shifts, outputs, count / outputs));
}

double stored_layer_bits(const Node& node, const LayerCode& layer) {
  if (layer.integer) return stored_weight_bits(layer) + 96.0 * static_cast<double>(layer.bias.size());
  return 32.0 * static_cast<double>(element_count(node.weight().shape) +
                                    (node.bias() ? element_count(node.bias()->shape) : 0));
}

double shifts_per_weight(const LayerCode& layer) {
  if (!layer.shifts.active()) return layer.weight_bits - 1;
  return mean_shifts(layer.shifts);
}

}  // namespace bitsieve
