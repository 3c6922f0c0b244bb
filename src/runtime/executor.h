// Runs a model on images. A float network is a model whose values are all f32 (float_model).
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "quant/model.h"
#include "runtime/aligned.h"
#include "runtime/node_runner.h"
#include "runtime/plan.h"
#include "runtime/step.h"

namespace bitsieve {

// Every value f32, every node float.
QuantizedModel float_model(Graph graph);

struct ExecutorOptions {
  bool reference = false;         // everything in the plain executor
  Isa isa = best_isa();           // the highest instruction set the kernels may use; must be supported by this machine
  int threads = 1;                // processors one image may use; results do not depend on it. At most 256
  std::int64_t packed_from = -1;  // StepOptions::packed_from
};

class Executor {
 public:
  // Keeps a reference to `model`, which must outlive it. Weights are packed and memory is planned here. Throws Error
  // when the model's codes do not fit its graph, for an unsupported instruction set and for threads out of range.
  Executor(const QuantizedModel& model, const ExecutorOptions& options);
  explicit Executor(const QuantizedModel& model, bool reference = false);

  // Memory of one worker, planned once: after the first image nothing is allocated any more. Also its helper threads.
  class Workspace {
    friend class Executor;
    AlignedBytes arena_;           // values, then scratch
    std::unique_ptr<Crew> crew_;   // only where more than one thread is wanted
    std::vector<const void*> in_;  // a node's inputs
  };

  // Sees a value right after it was computed (the input included): float32 or 8-bit as its code says, in storage
  // layout.
  using Observer = std::function<void(ValueId id, const void* data)>;

  // `image`: the preprocessed input in storage layout (channel-last). `scores` receives the output as float32, in
  // storage layout. Thread safe as long as workspaces differ. Throws Error when `image` has not the size of the model's
  // input.
  void run(std::span<const float> image, Workspace& workspace, std::vector<float>& scores,
           const Observer& observer = {}) const;

  // The same where some values are known: runs only `rest` (rest_behind). known[id]: value id as coded, in storage
  // layout, read where rest.reads[id]; one entry per value. `image` may be empty where rest.image is false. The
  // observer sees the computed values alone.
  void run_rest(const Rest& rest, std::span<const void* const> known, std::span<const float> image,
                Workspace& workspace, std::vector<float>& scores, const Observer& observer = {}) const;

  // The same as run(), and adds the seconds spent in node i to seconds[i]; one entry per node.
  void run_timed(std::span<const float> image, Workspace& workspace, std::vector<float>& scores,
                 std::span<double> seconds) const;

  // What runs a node, e.g. "qgemm_avx512vnni + window_avx512vbmi" or "reference".
  std::string kernel(int node) const { return steps_.at(static_cast<std::size_t>(node))->kernel(); }

  // Why nothing faster runs it; empty where nothing would.
  std::string remark(int node) const { return steps_.at(static_cast<std::size_t>(node))->remark(); }

  // Bytes of a workspace's memory: values and scratch.
  std::size_t arena_bytes() const { return plan_.bytes + scratch_bytes_; }

 private:
  std::uint8_t* place(const Workspace& workspace, ValueId id) const {
    return workspace.arena_.data() + plan_.offsets[static_cast<std::size_t>(id)];
  }
  void prepare(Workspace& workspace) const;
  void load(std::span<const float> image, const Workspace& workspace) const;
  void run_node(std::size_t i, Workspace& workspace) const;
  void finish(const Workspace& workspace, std::vector<float>& scores) const;

  const QuantizedModel& model_;
  ExecutorOptions options_;
  std::vector<std::unique_ptr<const Step>> steps_;                   // by node
  Plan plan_;                                                        // by value
  std::size_t scratch_bytes_ = 0, hungriest_ = 0, most_inputs_ = 0;  // hungriest_: the node that needs scratch_bytes_
};

}  // namespace bitsieve
