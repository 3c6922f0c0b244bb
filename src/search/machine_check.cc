#include "search/machine_check.h"

#include <algorithm>

#include "accel/outputs.h"
#include "base/error.h"
#include "quant/requantize.h"

namespace bitsieve {

std::vector<std::vector<std::uint8_t>> layer_inputs(const QuantizedModel& model, const Trace& trace,
                                                    const std::vector<accel::Layer>& layers) {
  std::vector<std::vector<std::uint8_t>> inputs;
  for (const Node& node : model.graph.nodes) {
    if (!has_weights(node)) continue;
    const auto* const first = static_cast<const std::uint8_t*>(trace.value(node.inputs[0]));
    const auto count = static_cast<std::size_t>(element_count(model.graph.shape(node.inputs[0])));
    inputs.push_back(accel::read_values(layers[inputs.size()], {first, count}));
  }
  return inputs;
}

std::int64_t check_machine(const QuantizedModel& model, const Trace& trace, const std::vector<accel::Layer>& layers,
                           const accel::Parameters& machine, std::int64_t most) {
  std::int64_t compared = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    if (!has_weights(node)) continue;
    const accel::Layer& layer = layers[next++];
    const LayerCode& code = model.layers[i];
    const std::int64_t all = layer.pixels * layer.filters, count = most > 0 ? std::min(most, all) : all;
    std::vector<std::int64_t> outputs;
    // The last one is always there. Values fit memory, so their number squared fits.
    for (std::int64_t n = 0; n < count; ++n) outputs.push_back(count == 1 ? all - 1 : (all - 1) * n / (count - 1));
    const std::vector<accel::Output> made = accel::outputs_of(layer, machine, outputs);
    const bool real = model.values[static_cast<std::size_t>(node.output)].type == DType::f32;
    for (std::size_t n = 0; n < outputs.size(); ++n) {
      const auto at = static_cast<std::size_t>(outputs[n]);
      const auto filter = static_cast<std::size_t>(outputs[n] % layer.filters);
      const std::int32_t sum = made[n].sum + code.bias[filter];
      double own = 0, network = 0;
      if (real) {
        const float value = std::clamp(static_cast<float>(sum) * code.multiplier[filter], node.clamp_lo, node.clamp_hi);
        own = value;
        network = static_cast<const float*>(trace.value(node.output))[at];
      } else {
        own = static_cast<std::uint8_t>(requantize(sum, code.multiplier[filter], code.lo, code.hi));
        network = static_cast<const std::uint8_t*>(trace.value(node.output))[at];
      }
      if (own != network)
        fail("machine '{}' computes {} for output {} of layer '{}', and the network has {}: one of them is wrong",
             machine.name, own, outputs[n], layer.name, network);
    }
    compared += count;
  }
  return compared;
}

std::int64_t check_machine(const QuantizedModel& model, std::span<const float> image, const accel::Parameters& machine,
                           std::int64_t most) {
  Trace trace(model);
  trace.run(node_runners(model), image);
  std::vector<accel::Layer> layers = accel::layers_of(model);
  const std::vector<std::vector<std::uint8_t>> inputs = layer_inputs(model, trace, layers);
  for (std::size_t l = 0; l < layers.size(); ++l) layers[l].input = inputs[l];
  return check_machine(model, trace, layers, machine, most);
}

}  // namespace bitsieve
