#include "eval/layer_facts.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitsieve {

LayerAnalysis layer_facts(const QuantizedModel& model, int index) {
  const Node& node = model.graph.nodes[static_cast<std::size_t>(index)];
  const LayerCode& layer = model.layers[static_cast<std::size_t>(index)];
  LayerAnalysis a;
  a.node = index;
  a.name = node.name;
  a.op = node.op;
  a.integer = layer.integer;
  a.macs = macs(model.graph, node);
  a.signed_input = model.values[static_cast<std::size_t>(node.inputs.at(0))].type == DType::s8;
  if (!a.has_weights()) return a;
  a.weight_code = layer.weight_code;
  a.act_code = layer.act_code;
  if (layer.integer) a.weight_shifts = shifts_per_weight(layer);
  a.act_bits = layer.act_bits;
  const Tensor& w = node.weight();
  a.filters = w.shape[0];
  a.fan_in = a.filters ? w.size() / a.filters : 0;
  a.depthwise = node.op == Op::conv && node.attributes.window.groups > 1 && w.shape[1] == 1;
  std::vector<float> ranges;
  for (std::int64_t o = 0; o < a.filters; ++o) {
    float range = 0;
    bool constant = layer.integer;
    for (std::int64_t k = o * a.fan_in; k < (o + 1) * a.fan_in; ++k) {
      range = std::max(range, std::abs(w.data[static_cast<std::size_t>(k)]));
      constant = constant && layer.weight[static_cast<std::size_t>(k)] == 0;
    }
    if (range > 0) ranges.push_back(range);
    a.constant_filters += constant && range > 0;
  }
  if (!ranges.empty()) {
    const auto middle = ranges.begin() + static_cast<std::ptrdiff_t>(ranges.size() / 2);
    std::nth_element(ranges.begin(), middle, ranges.end());
    a.filter_range_ratio = *std::max_element(ranges.begin(), ranges.end()) / *middle;
  }
  return a;
}

}  // namespace bitsieve
