#include "eval/trace.h"

#include <cstring>

#include "base/error.h"
#include "runtime/reference/ops.h"

namespace bitsieve {

std::size_t stored_bytes(const QuantizedModel& model, ValueId id) {
  const Value& value = model.graph.values[static_cast<std::size_t>(id)];
  if (value.constant) return 0;
  const bool real = model.values[static_cast<std::size_t>(id)].type == DType::f32;
  return static_cast<std::size_t>(element_count(value.shape)) * (real ? sizeof(float) : 1);
}

std::vector<float> real_value(const QuantizedModel& model, ValueId id, const void* data) {
  const std::int64_t count = element_count(model.graph.shape(id));
  const ValueCode& code = model.values[static_cast<std::size_t>(id)];
  std::vector<float> result(static_cast<std::size_t>(count));
  if (code.type == DType::f32) {
    std::memcpy(result.data(), data, result.size() * sizeof(float));
  } else {
    reference::dequantize(data, count, code, result.data());
  }
  return result;
}

std::vector<NodeRunner> node_runners(const QuantizedModel& model, bool reference) {
  std::vector<NodeRunner> runners;
  runners.reserve(model.graph.nodes.size());
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i)
    runners.emplace_back(model, static_cast<int>(i), reference);
  return runners;
}

Trace::Trace(const QuantizedModel& model) : model_(model), values_(model.graph.values.size()) {
  for (std::size_t id = 0; id < values_.size(); ++id) values_[id].resize(stored_bytes(model, static_cast<ValueId>(id)));
}

std::vector<const void*> Trace::inputs(int node) const {
  std::vector<const void*> result;
  for (const ValueId id : model_.graph.nodes[static_cast<std::size_t>(node)].inputs) result.push_back(value(id));
  return result;
}

void Trace::run(const std::vector<NodeRunner>& runners, std::span<const float> image) {
  const Graph& graph = model_.graph;
  const std::int64_t wanted = element_count(graph.shape(graph.input));
  if (static_cast<std::int64_t>(image.size()) != wanted) {
    fail("the input has {} values; model '{}' wants {} ({})", image.size(), graph.name, wanted,
         to_string(graph.shape(graph.input)));
  }
  const ValueCode& code = model_.values[static_cast<std::size_t>(graph.input)];
  if (code.type == DType::f32) {
    std::memcpy(value(graph.input), image.data(), image.size_bytes());
  } else {
    reference::quantize(image.data(), wanted, code, value(graph.input));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    runners[i].run(inputs(static_cast<int>(i)), value(graph.nodes[i].output));
  }
}

PartialRun::PartialRun(const QuantizedModel& model, const std::vector<NodeRunner>& runners, const Trace& base)
    : model_(model),
      runners_(runners),
      base_(base),
      changed_(model.graph.values.size()),
      is_changed_(changed_.size()) {}

void* PartialRun::output(int node) {
  const ValueId id = model_.graph.nodes[static_cast<std::size_t>(node)].output;
  changed_[static_cast<std::size_t>(id)].resize(stored_bytes(model_, id));
  return changed_[static_cast<std::size_t>(id)].data();
}

void PartialRun::compare(ValueId id) {
  const std::vector<std::uint8_t>& changed = changed_[static_cast<std::size_t>(id)];
  is_changed_[static_cast<std::size_t>(id)] = std::memcmp(changed.data(), base_.value(id), changed.size()) != 0;
}

const void* PartialRun::value(ValueId id) const {
  return is_changed_[static_cast<std::size_t>(id)] ? changed_[static_cast<std::size_t>(id)].data() : base_.value(id);
}

void PartialRun::run(int node) {
  const std::vector<Node>& nodes = model_.graph.nodes;
  is_changed_.assign(is_changed_.size(), false);
  compare(nodes[static_cast<std::size_t>(node)].output);
  for (std::size_t i = static_cast<std::size_t>(node) + 1; i < nodes.size(); ++i) {
    bool reached = false;
    std::vector<const void*> inputs;
    for (const ValueId id : nodes[i].inputs) {
      reached = reached || is_changed_[static_cast<std::size_t>(id)];
      inputs.push_back(value(id));
    }
    if (!reached) continue;
    runners_[i].run(inputs, output(static_cast<int>(i)));
    compare(nodes[i].output);
  }
}

}  // namespace bitsieve
