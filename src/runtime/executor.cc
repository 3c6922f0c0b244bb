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
  runners_.reserve(model.graph.nodes.size());
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) runners_.emplace_back(model, static_cast<int>(i), reference);
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
    std::vector<const void*> inputs;
    for (const ValueId id : graph.nodes[i].inputs) inputs.push_back(workspace.values_[static_cast<std::size_t>(id)].data());
    runners_[i].run(inputs, workspace.values_[static_cast<std::size_t>(graph.nodes[i].output)].data());
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

}  // namespace bitsieve
