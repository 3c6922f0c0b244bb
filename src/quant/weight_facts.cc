#include "quant/weight_facts.h"

#include <fmt/format.h>

namespace bitsieve {

std::map<std::string, std::string> weight_facts(const QuantizedModel& model) {
  std::map<std::string, std::string> facts;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    const LayerCode& layer = model.layers[i];
    if (!has_weights(node) || !layer.integer) continue;
    const auto count = static_cast<double>(element_count(node.weight().shape));
    facts[weight_bits_fact + node.name] = fmt::format("{:.4g}", count == 0 ? 0 : stored_weight_bits(layer) / count);
    facts[weight_code_fact + node.name] = layer.weight_code;
  }
  return facts;
}

}  // namespace bitsieve
