// All values of a model on one image, kept for looking at and for running nodes again (analysis, sensitivity).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "quant/model.h"
#include "runtime/node_runner.h"

namespace bitsieve {

// Bytes of one value of `model` in storage layout; 0 for constants.
std::size_t stored_bytes(const QuantizedModel& model, ValueId id);

// A value as float32: as it is, or scale * integer.
std::vector<float> real_value(const QuantizedModel& model, ValueId id, const void* data);

// One runner per node.
std::vector<NodeRunner> node_runners(const QuantizedModel& model, bool reference = false);

// Memory of all values of one image; one Trace per thread, reused from image to image.
class Trace {
 public:
  // Keeps a reference to `model`, which must outlive it.
  explicit Trace(const QuantizedModel& model);

  // Every value of `image` (channel-last, as Executor::run takes it). Throws Error when the size is not the input's.
  void run(const std::vector<NodeRunner>& runners, std::span<const float> image);

  const void* value(ValueId id) const { return values_[static_cast<std::size_t>(id)].data(); }
  void* value(ValueId id) { return values_[static_cast<std::size_t>(id)].data(); }
  std::vector<float> real(ValueId id) const { return real_value(model_, id, value(id)); }
  // Pointers to the node's inputs, as NodeRunner::run takes them.
  std::vector<const void*> inputs(int node) const;

 private:
  const QuantizedModel& model_;
  std::vector<std::vector<std::uint8_t>> values_;  // by value id
};

// What a change of one value does to the values behind it: runs only the nodes that the change reaches. One per thread.
class PartialRun {
 public:
  // Keeps references; `base` holds the values of the unchanged image whenever run() is called.
  PartialRun(const QuantizedModel& model, const std::vector<NodeRunner>& runners, const Trace& base);

  // Room for the changed output of node `node`, to be filled before run(node).
  void* output(int node);
  // Every value behind node `node`. A value that comes out the same ends the change there.
  void run(int node);
  // A value after run(): the changed one, or base's.
  const void* value(ValueId id) const;

 private:
  void compare(ValueId id);

  const QuantizedModel& model_;
  const std::vector<NodeRunner>& runners_;
  const Trace& base_;
  std::vector<std::vector<std::uint8_t>> changed_;  // by value id
  std::vector<bool> is_changed_;
};

}  // namespace bitsieve
