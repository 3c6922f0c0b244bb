// Runs a model on images. A float network is a model whose values are all f32 (float_model).
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "quant/model.h"
#include "runtime/node_runner.h"

namespace bitsieve {

// Every value f32, every node float.
QuantizedModel float_model(Graph graph);

class Executor {
 public:
  // Keeps a reference to `model`, which must outlive it.
  // reference: run everything in the plain executor.
  explicit Executor(const QuantizedModel& model, bool reference = false);

  // Memory of one worker; reused from image to image.
  class Workspace {
    friend class Executor;
    std::vector<std::vector<std::uint8_t>> values_;  // by value id, in storage layout
  };

  // Sees a value right after it was computed (the input included): float32 or 8-bit as its code says, in storage layout.
  using Observer = std::function<void(ValueId id, const void* data)>;

  // `image`: the preprocessed input in storage layout (channel-last). `scores` receives the output as float32.
  // Throws Error when `image` has not the size of the model's input.
  void run(std::span<const float> image, Workspace& workspace, std::vector<float>& scores,
           const Observer& observer = {}) const;

 private:
  const QuantizedModel& model_;
  std::vector<NodeRunner> runners_;  // by node
};

}  // namespace bitsieve
