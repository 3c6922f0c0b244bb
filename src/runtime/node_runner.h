// One node of a model prepared for running: what layer-by-layer passes (repair, analysis) use.
#pragma once
#include <memory>
#include <span>

#include "runtime/step.h"

namespace bitsieve {

class NodeRunner {
 public:
  // Keeps a reference to `model`, which must outlive it. reference: the plain executor.
  NodeRunner(const QuantizedModel& model, int node, bool reference);

  // in: one pointer per input of the node, in storage layout, typed as the model codes it; ignored for constants.
  // out: room for the output, typed as coded, apart from the inputs. Thread safe: scratch memory belongs to the calling
  // thread.
  void run(std::span<const void* const> in, void* out) const;

 private:
  std::unique_ptr<const Step> step_;
};

}  // namespace bitsieve
