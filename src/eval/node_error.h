// The error of every node on one image, alone and accumulated: what analysis.h adds up.
#pragma once
#include <cstdint>
#include <vector>

#include "eval/analysis.h"
#include "eval/trace.h"
#include "eval/window_effect.h"
#include "quant/model.h"

namespace bitsieve {

// Sums over images that become CodeUse.
struct CodeSums {
  double count = 0, zeros = 0, saturated = 0, small = 0, error = 0, clip_error = 0;

  void add(const CodeSums& s) {
    count += s.count;
    zeros += s.zeros;
    saturated += s.saturated;
    small += s.small;
    error += s.error;
    clip_error += s.clip_error;
  }
  CodeUse use() const {
    const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
    return {share(zeros, count), share(saturated, count), share(small, count - zeros), share(clip_error, error)};
  }
};

// Squared sums over images: of one node's output and its errors (NoiseParts), and of the scores and the change that the
// node's error alone makes in them.
struct NodeSums {
  double signal = 0, alone = 0, accumulated = 0, input = 0, weights = 0, window = 0, output = 0;
  double scores = 0, score_signal = 0;
  WindowEffect effect;

  void add(const NodeSums& s) {
    signal += s.signal;
    alone += s.alone;
    accumulated += s.accumulated;
    input += s.input;
    weights += s.weights;
    window += s.window;
    output += s.output;
    scores += s.scores;
    score_signal += s.score_signal;
    effect.add(s.effect);
  }
};

struct Sums {
  std::vector<CodeSums> values;
  std::vector<NodeSums> nodes;
  Sums(std::size_t value_count, std::size_t node_count) : values(value_count), nodes(node_count) {}
};

// What all threads share.
struct ComparedNetworks {
  // Keeps references; float_network has the model's nodes and is f32 throughout.
  ComparedNetworks(const QuantizedModel& model, const QuantizedModel& float_network);
  ComparedNetworks(const ComparedNetworks&) = delete;  // the runners point into `whole`

  const QuantizedModel& model;
  const QuantizedModel& real;
  QuantizedModel whole;  // the model without activation transforms: the difference is what they cost
  std::vector<NodeRunner> model_runners, real_runners, whole_runners;
};

// One thread's memory: the values of both networks on an image, and the float network's values in the model's codes.
class NodeErrors {
 public:
  explicit NodeErrors(const ComparedNetworks& networks);

  // Adds what one image shows to `sums`, which must be empty.
  void measure(const ImageSet& images, std::int64_t index, bool scores, Sums& sums);

 private:
  const Graph& graph() const { return n_.model.graph; }
  const ValueCode& code(ValueId id) const { return n_.model.values[static_cast<std::size_t>(id)]; }
  void code_value(ValueId id, Sums& sums);
  void measure_node(int index, bool scores, NodeSums& sums);
  std::vector<float> run(const std::vector<NodeRunner>& runners, int index, const std::vector<const void*>& inputs);

  const ComparedNetworks& n_;
  Trace real_, quantized_, coded_;
  PartialRun partial_;                       // of the float network
  std::vector<std::vector<float>> decoded_;  // by value id: coded_ as float32
  std::vector<float> image_;
  std::vector<std::uint8_t> scratch_;
};

}  // namespace bitsieve
