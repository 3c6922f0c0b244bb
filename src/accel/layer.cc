#include "accel/layer.h"

#include "base/error.h"
#include "tensor/tensor.h"

namespace bitsieve::accel {

std::vector<Layer> layers_of(const QuantizedModel& model) {
  std::vector<Layer> layers;
  const Graph& graph = model.graph;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const LayerCode& code = model.layers[i];
    if (!has_weights(node)) continue;
    if (!code.integer)
      fail(
          "layer '{}' is not quantized; accelerators compute in integers, so make the model with bitsieve quantize, "
          "without float layers",
          node.name);
    const Shape& output = graph.shape(node.output);
    const Shape& weight = node.weight().shape;
    Layer layer;
    layer.name = node.name;
    layer.filters = weight.at(0);
    layer.channels = weight.at(1);
    layer.output_values = element_count(output);
    layer.pixels = layer.output_values / layer.filters;
    layer.image = {layer.pixels, 1};
    if (node.op == Op::conv) {
      layer.taps = weight.at(2) * weight.at(3);
      layer.groups = node.attributes.window.groups;
      layer.window = node.attributes.window;
      const Shape& input = graph.shape(node.inputs.at(0));
      layer.image = {input.at(1), input.at(2)};
    }
    layer.input_values = element_count(graph.shape(node.inputs.at(0)));
    layer.weight_bits = code.weight_bits;
    layer.activation_bits = code.act_bits;
    layer.windows = code.transform.active && code.act_code.starts_with("sparq-");
    layer.weight_bytes = stored_layer_bits(node, code) / 8;
    layer.code = &code;
    layer.weights = code.weight;
    layer.signed_input = model.values[static_cast<std::size_t>(node.inputs.at(0))].type == DType::s8;
    layers.push_back(std::move(layer));
  }
  if (layers.empty()) fail("model '{}' has no layers with weights: there is nothing to simulate", graph.name);
  return layers;
}

}  // namespace bitsieve::accel
