#include "runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/elementwise/elementwise.h"
#include "runtime/reference/ops.h"

namespace bitsieve {

QuantizedModel float_model(Graph graph) {
  QuantizedModel model;
  model.values.resize(graph.values.size());
  model.layers.resize(graph.nodes.size());
  model.graph = std::move(graph);
  return model;
}

Executor::Executor(const QuantizedModel& model, bool reference)
    : Executor(model, ExecutorOptions{.reference = reference}) {}

Executor::Executor(const QuantizedModel& model, const ExecutorOptions& options) : model_(model), options_(options) {
  if (model.values.size() != model.graph.values.size() || model.layers.size() != model.graph.nodes.size()) {
    fail("model '{}': {} value codes for {} values, {} layer codes for {} nodes", model.graph.name, model.values.size(),
         model.graph.values.size(), model.layers.size(), model.graph.nodes.size());
  }
  if (!isa_supported(options.isa)) fail("this machine has no {}", isa_name(options.isa));
  if (options.threads < 1 || options.threads > most_threads) {
    fail("{} threads for one image; 1 to {} are possible", options.threads, most_threads);
  }
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    steps_.push_back(make_step(model, static_cast<int>(i), {options.reference, options.isa, options.packed_from}));
    model.layers[i].weight.release();  // steps have their own
    const std::size_t scratch = whole_lines(steps_.back()->scratch_bytes(options.threads));
    if (scratch > scratch_bytes_) scratch_bytes_ = scratch, hungriest_ = i;
    most_inputs_ = std::max(most_inputs_, model.graph.nodes[i].inputs.size());
  }
  plan_ = plan_memory(value_lifetimes(model));
}

void Executor::run(std::span<const float> image, Workspace& workspace, std::vector<float>& scores,
                   const Observer& observer) const {
  prepare(workspace);
  load(image, workspace);
  if (observer) observer(model_.graph.input, place(workspace, model_.graph.input));
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    run_node(i, workspace);
    const ValueId id = model_.graph.nodes[i].output;
    if (observer) observer(id, place(workspace, id));
  }
  finish(workspace, scores);
}

void Executor::run_rest(const Rest& rest, std::span<const void* const> known, std::span<const float> image,
                        Workspace& workspace, std::vector<float>& scores, const Observer& observer) const {
  const Graph& graph = model_.graph;
  if (rest.runs.size() != graph.nodes.size() || rest.reads.size() != graph.values.size() ||
      known.size() != graph.values.size()) {
    fail("a rest of {} nodes and {} values, {} known values; model '{}' has {} nodes and {} values", rest.runs.size(),
         rest.reads.size(), known.size(), graph.name, graph.nodes.size(), graph.values.size());
  }
  // Each known value takes its place when its node's turn comes: before that, the place may be another value's.
  const auto fill = [&](ValueId id) {
    const auto at = static_cast<std::size_t>(id);
    if (rest.reads[at]) std::memcpy(place(workspace, id), known[at], value_bytes(model_, id));
  };
  prepare(workspace);
  if (rest.image) {
    load(image, workspace);
    if (observer) observer(graph.input, place(workspace, graph.input));
  } else {
    fill(graph.input);
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const ValueId id = graph.nodes[i].output;
    if (!rest.runs[i]) {
      fill(id);
      continue;
    }
    run_node(i, workspace);
    if (observer) observer(id, place(workspace, id));
  }
  finish(workspace, scores);
}

void Executor::run_timed(std::span<const float> image, Workspace& workspace, std::vector<float>& scores,
                         std::span<double> seconds) const {
  if (seconds.size() != steps_.size())
    fail("room for the times of {} nodes; model '{}' has {}", seconds.size(), model_.graph.name, steps_.size());
  using Clock = std::chrono::steady_clock;
  prepare(workspace);
  load(image, workspace);
  auto before = Clock::now();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    run_node(i, workspace);
    const auto after = Clock::now();
    seconds[i] += std::chrono::duration<double>(after - before).count();
    before = after;
  }
  finish(workspace, scores);
}

void Executor::prepare(Workspace& workspace) const {
  const Graph& graph = model_.graph;
  try {
    workspace.arena_.reserve(arena_bytes());
  } catch (const std::bad_alloc&) {
    fail("one image of model '{}' needs {} MB, {} MB of them for the layer '{}'; there is not so much memory",
         graph.name, arena_bytes() >> 20, scratch_bytes_ >> 20, graph.nodes[hungriest_].name);
  }
  if (workspace.in_.size() < most_inputs_) workspace.in_.resize(most_inputs_);
  const int helpers = workspace.crew_ == nullptr ? 1 : workspace.crew_->threads();
  if (helpers != options_.threads)
    workspace.crew_ = options_.threads == 1 ? nullptr : std::make_unique<Crew>(options_.threads);
}

void Executor::load(std::span<const float> image, const Workspace& workspace) const {
  const Graph& graph = model_.graph;
  const std::int64_t wanted = element_count(graph.shape(graph.input));
  if (static_cast<std::int64_t>(image.size()) != wanted) {
    fail("the input has {} values; model '{}' wants {} ({})", image.size(), graph.name, wanted,
         to_string(graph.shape(graph.input)));
  }
  const ValueCode& code = model_.values[static_cast<std::size_t>(graph.input)];
  std::uint8_t* to = place(workspace, graph.input);
  if (code.type == DType::f32) {
    std::memcpy(to, image.data(), image.size_bytes());
  } else if (options_.reference) {
    reference::quantize(image.data(), wanted, code, to);
  } else {
    const bool is_signed = code.type == DType::s8;
    select_elementwise(options_.isa)
        .quantize(image.data(), code.scale, is_signed ? -127 : 0, is_signed ? 127 : 255, to, wanted);
  }
}

void Executor::run_node(std::size_t i, Workspace& workspace) const {
  const Node& node = model_.graph.nodes[i];
  for (std::size_t k = 0; k < node.inputs.size(); ++k) workspace.in_[k] = place(workspace, node.inputs[k]);
  steps_[i]->run({workspace.in_.data(), node.inputs.size()}, place(workspace, node.output),
                 {workspace.arena_.data() + plan_.bytes, workspace.crew_.get()});
}

void Executor::finish(const Workspace& workspace, std::vector<float>& scores) const {
  const ValueId output = model_.graph.output;
  const ValueCode& code = model_.values[static_cast<std::size_t>(output)];
  scores.resize(static_cast<std::size_t>(element_count(model_.graph.shape(output))));
  const std::uint8_t* from = place(workspace, output);
  if (code.type == DType::f32) {
    std::memcpy(scores.data(), from, scores.size() * sizeof(float));
  } else if (options_.reference) {
    reference::dequantize(from, static_cast<std::int64_t>(scores.size()), code, scores.data());
  } else {
    select_elementwise(options_.isa)
        .dequantize({from, code.type == DType::s8}, code.scale, scores.data(),
                    static_cast<std::int64_t>(scores.size()));
  }
}

}  // namespace bitsieve
