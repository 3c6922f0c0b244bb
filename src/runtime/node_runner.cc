#include "runtime/node_runner.h"

#include "runtime/aligned.h"

namespace bitsieve {

NodeRunner::NodeRunner(const QuantizedModel& model, int node, bool reference)
    : step_(make_step(model, node, {reference, best_isa(), -1})) {}

void NodeRunner::run(std::span<const void* const> in, void* out) const {
  thread_local AlignedBytes scratch;
  scratch.reserve(step_->scratch_bytes(1));
  step_->run(in, out, {scratch.data(), nullptr});
}

}  // namespace bitsieve
