#include "accel/layer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <numeric>

#include "base/error.h"
#include "tensor/tensor.h"

namespace bitsieve::accel {

namespace {

int integer(std::uint8_t pattern, bool is_signed) {
  return is_signed ? static_cast<std::int8_t>(pattern) : static_cast<int>(pattern);
}

// Codes without windows: how many bits, of which step. Levels that are not whole multiples of one step take all 8 bits:
// fewer would be other numbers than the model's.
void set_levels(Layer& layer, const ActivationTransform& t) {
  layer.activation_bits = 8;
  if (!t.active) return;
  int step = 0, most = 0;
  for (int pattern = 0; pattern < 256; ++pattern) {
    const int level = std::abs(integer(t.pair[static_cast<std::size_t>(pattern)], layer.signed_input));
    step = std::gcd(step, level);
    most = std::max(most, level);
  }
  if (step == 0) return;
  layer.activation_step = step;
  layer.activation_bits = std::bit_width(static_cast<unsigned>(most / step)) + (layer.signed_input ? 1 : 0);
}

}  // namespace

std::vector<std::uint8_t> read_values(const Layer& layer, std::span<const std::uint8_t> stored) {
  std::vector<std::uint8_t> result(stored.begin(), stored.end());
  if (layer.windows || layer.code == nullptr || !layer.code->transform.active) return result;
  for (std::uint8_t& v : result)
    v = static_cast<std::uint8_t>(integer(layer.code->transform.pair[v], layer.signed_input) / layer.activation_step);
  return result;
}

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
    layer.signed_input = model.values[static_cast<std::size_t>(node.inputs.at(0))].type == DType::s8;
    layer.windows = code.transform.active && code.act_code.starts_with("sparq-");
    layer.windows_of_kept = layer.windows && code.transform.two_of_four;
    if (layer.windows)
      layer.activation_bits = code.act_bits;
    else
      set_levels(layer, code.transform);
    layer.weight_bytes = stored_layer_bits(node, code) / 8;
    layer.code = &code;
    layer.weights = code.weight;
    layers.push_back(std::move(layer));
  }
  if (layers.empty()) fail("model '{}' has no layers with weights: there is nothing to simulate", graph.name);
  return layers;
}

}  // namespace bitsieve::accel
