// One node of a model prepared for running: the executor's step, and what layer-by-layer passes (repair, analysis) use.
#pragma once
#include <memory>
#include <span>

#include "quant/model.h"

namespace bitsieve {

class FastLayer;

class NodeRunner {
 public:
  // Keeps a reference to `model`, which must outlive it. reference: the plain executor.
  NodeRunner(const QuantizedModel& model, int node, bool reference);
  ~NodeRunner();
  NodeRunner(NodeRunner&&) noexcept;

  // in: one pointer per input of the node, in storage layout, typed as the model codes it; ignored for constants.
  // out: room for the output, typed as coded. Thread safe.
  void run(std::span<const void* const> in, void* out) const;

 private:
  const QuantizedModel& model_;
  int node_;
  std::unique_ptr<const FastLayer> fast_;  // null: the plain executor
};

}  // namespace bitsieve
