#include "runtime/executor.h"

#include <cstring>

#include "base/error.h"
#include "runtime/reference/ops.h"

namespace bitsieve {
namespace {

std::size_t bytes_of(const Graph& graph, ValueId id, DType type) {
  return static_cast<std::size_t>(element_count(graph.shape(id))) * (type == DType::f32 ? sizeof(float) : 1);
}

}  // namespace

QuantizedModel float_model(Graph graph) {
  QuantizedModel model;
  model.values.resize(graph.values.size());
  model.layers.resize(graph.nodes.size());
  model.graph = std::move(graph);
  return model;
}

Executor::Executor(const QuantizedModel& model, bool reference) : model_(model) {
  if (model.values.size() != model.graph.values.size() || model.layers.size() != model.graph.nodes.size()) {
    fail("model '{}': {} value codes for {} values, {} layer codes for {} nodes", model.graph.name, model.values.size(),
         model.graph.values.size(), model.layers.size(), model.graph.nodes.size());
  }
  fast_.resize(model.graph.nodes.size());
  if (reference) return;
  for (std::size_t i = 0; i < fast_.size(); ++i) fast_[i] = FastLayer::make(model, static_cast<int>(i), best_isa());
}

void Executor::run(std::span<const float> image, Workspace& workspace, std::vector<float>& scores,
                   const Observer& observer) const {
  const Graph& graph = model_.graph;
  const std::int64_t wanted = element_count(graph.shape(graph.input));
  if (static_cast<std::int64_t>(image.size()) != wanted) {
    fail("the input has {} values; model '{}' wants {} ({})", image.size(), graph.name, wanted,
         to_string(graph.shape(graph.input)));
  }
  if (workspace.values_.empty()) {
    workspace.values_.resize(graph.values.size());
    for (std::size_t id = 0; id < graph.values.size(); ++id) {
      if (graph.values[id].constant) continue;
      workspace.values_[id].resize(bytes_of(graph, static_cast<ValueId>(id), model_.values[id].type));
    }
  }
  const auto input = static_cast<std::size_t>(graph.input);
  if (model_.values[input].type == DType::f32) {
    std::memcpy(workspace.values_[input].data(), image.data(), image.size_bytes());
  } else {
    reference::quantize(image.data(), wanted, model_.values[input], workspace.values_[input].data());
  }
  if (observer) observer(graph.input, workspace.values_[input].data());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    run_node(static_cast<int>(i), workspace);
    if (observer) observer(graph.nodes[i].output, workspace.values_[static_cast<std::size_t>(graph.nodes[i].output)].data());
  }
  const auto output = static_cast<std::size_t>(graph.output);
  scores.resize(static_cast<std::size_t>(element_count(graph.shape(graph.output))));
  if (model_.values[output].type == DType::f32) {
    std::memcpy(scores.data(), workspace.values_[output].data(), scores.size() * sizeof(float));
  } else {
    reference::dequantize(workspace.values_[output].data(), static_cast<std::int64_t>(scores.size()),
                          model_.values[output], scores.data());
  }
}

void Executor::run_node(int index, Workspace& workspace) const {
  const Graph& graph = model_.graph;
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  void* out = workspace.values_[static_cast<std::size_t>(node.output)].data();
  const FastLayer* fast = fast_[static_cast<std::size_t>(index)].get();
  if (model_.layers[static_cast<std::size_t>(index)].integer) {
    if (fast) return fast->run(workspace.values_[static_cast<std::size_t>(node.inputs[0])].data(), out);
    std::vector<const void*> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(workspace.values_[static_cast<std::size_t>(id)].data());
    return reference::run_integer(model_, index, inputs, out);
  }
  // A float node between 8-bit values reads them as real numbers and its result is quantized.
  std::vector<std::vector<float>> real;
  real.reserve(node.inputs.size());
  std::vector<const float*> inputs;
  for (const ValueId id : node.inputs) {
    const Value& value = graph.values[static_cast<std::size_t>(id)];
    const ValueCode& code = model_.values[static_cast<std::size_t>(id)];
    if (value.constant) {
      inputs.push_back(value.constant->data.data());
    } else if (code.type == DType::f32) {
      inputs.push_back(reinterpret_cast<const float*>(workspace.values_[static_cast<std::size_t>(id)].data()));
    } else {
      real.emplace_back(static_cast<std::size_t>(element_count(value.shape)));
      reference::dequantize(workspace.values_[static_cast<std::size_t>(id)].data(),
                            static_cast<std::int64_t>(real.back().size()), code, real.back().data());
      inputs.push_back(real.back().data());
    }
  }
  const ValueCode& code = model_.values[static_cast<std::size_t>(node.output)];
  if (code.type == DType::f32 && fast) return fast->run(inputs[0], out);
  if (code.type == DType::f32) return reference::run_float(graph, node, inputs, static_cast<float*>(out));
  std::vector<float> result(static_cast<std::size_t>(element_count(graph.shape(node.output))));
  reference::run_float(graph, node, inputs, result.data());
  reference::quantize(result.data(), static_cast<std::int64_t>(result.size()), code, out);
}

}  // namespace bitsieve
