#include "runtime/node_runner.h"

#include <vector>

#include "runtime/fast_layer.h"
#include "runtime/reference/ops.h"

namespace bitsieve {

NodeRunner::NodeRunner(const QuantizedModel& model, int node, bool reference) : model_(model), node_(node) {
  if (!reference) fast_ = FastLayer::make(model, node, best_isa());
}
NodeRunner::~NodeRunner() = default;
NodeRunner::NodeRunner(NodeRunner&&) noexcept = default;

void NodeRunner::run(std::span<const void* const> in, void* out) const {
  const Graph& graph = model_.graph;
  const Node& node = graph.nodes[static_cast<std::size_t>(node_)];
  if (model_.layers[static_cast<std::size_t>(node_)].integer) {
    if (fast_) return fast_->run(in[0], out);
    return reference::run_integer(model_, node_, in, out);
  }
  // A float node between 8-bit values reads them as real numbers and its result is quantized.
  std::vector<std::vector<float>> real;
  real.reserve(node.inputs.size());
  std::vector<const float*> inputs;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) {
    const Value& value = graph.values[static_cast<std::size_t>(node.inputs[k])];
    const ValueCode& code = model_.values[static_cast<std::size_t>(node.inputs[k])];
    if (value.constant) {
      inputs.push_back(value.constant->data.data());
    } else if (code.type == DType::f32) {
      inputs.push_back(static_cast<const float*>(in[k]));
    } else {
      real.emplace_back(static_cast<std::size_t>(element_count(value.shape)));
      reference::dequantize(in[k], static_cast<std::int64_t>(real.back().size()), code, real.back().data());
      inputs.push_back(real.back().data());
    }
  }
  const ValueCode& code = model_.values[static_cast<std::size_t>(node.output)];
  if (code.type == DType::f32 && fast_) return fast_->run(inputs[0], out);
  if (code.type == DType::f32) return reference::run_float(graph, node, inputs, static_cast<float*>(out));
  std::vector<float> result(static_cast<std::size_t>(element_count(graph.shape(node.output))));
  reference::run_float(graph, node, inputs, result.data());
  reference::quantize(result.data(), static_cast<std::int64_t>(result.size()), code, out);
}

}  // namespace bitsieve
