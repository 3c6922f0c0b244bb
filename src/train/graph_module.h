// A Graph as a libtorch module: trainable, and back again. Only this folder sees torch, and only files that include
// this header.
//
// Values are NCHW with a batch in front; all else is as graph/graph.h says, after the passes of graph/passes. Batch
// norms that were folded into their layer (Node::norm) are unfolded, so that they train as they did, and folded again
// by graph().
#pragma once
#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/group.h"

namespace bitsieve::train {

// The variables of a conv or a linear.
struct Layer {
  torch::Tensor weight, bias;    // before the norm, if any; bias undefined where there is none
  torch::Tensor gamma, beta;     // of the norm; undefined where there is none
  torch::Tensor mean, variance;  // running, not trained
  double epsilon = 0;
};

class GraphModule : public torch::nn::Module {
 public:
  // Throws Error for a graph that is not valid. A channel whose gamma is 0 gives its beta whatever its weights were,
  // and those are gone: they start from 0.
  explicit GraphModule(Graph graph);

  // x: [batch, C, H, W]. Norms use the statistics of the batch where the module is in training mode.
  torch::Tensor forward(const torch::Tensor& x);

  // This is where quantization comes in; any may be empty.
  struct Hooks {
    // What a layer computes with instead of its weight.
    std::function<torch::Tensor(std::size_t node, const torch::Tensor& weight)> weight;
    // What becomes of the input and of every node's output, after the clamp; relu: of relu(x), which is left to it.
    std::function<torch::Tensor(ValueId value, const torch::Tensor& x, bool relu)> value;
    // The whole of an add or a sub, its clamp and what `value` does included; an undefined result: as usual.
    std::function<torch::Tensor(std::size_t node, const torch::Tensor& a, const torch::Tensor& b)> sum;
    // A layer's sums of products and its bias, which may be undefined; an undefined result: as usual.
    std::function<torch::Tensor(std::size_t node, const torch::Tensor& x, const torch::Tensor& weight,
                                const torch::Tensor& bias)>
        product;
  };
  Hooks hooks;

  // With it, norms use the statistics of the batches of all processes; null: of this one's.
  const Group* group = nullptr;

  // Share of a batch's statistics in the running ones.
  static constexpr double usual_norm_momentum = 0.1;
  double norm_momentum = usual_norm_momentum;

  // By node: layers that methods leave alone; shorter than the graph where none of the rest is.
  std::vector<bool> keep_float;
  // Whether a method trains this layer's weights in its own way.
  bool coded(std::size_t node) const {
    return has_weights(graph_.nodes[node]) && !(node < keep_float.size() && keep_float[node]);
  }

  Layer& layer(std::size_t node) { return layers_.at(node); }
  const Graph& source() const { return graph_; }
  torch::Device device() const;  // of its variables

  // The name under which something of a node is registered: names of variables may not hold a dot.
  std::string name_of(std::size_t node, const char* what) const;

  // Variables and statistics of a module of the same graph, or of one with other values.
  void take(const GraphModule& other);

  // The graph with the variables as they are now, norms folded.
  Graph graph() const;

 private:
  torch::Tensor run(std::size_t index, const std::vector<torch::Tensor>& in);
  torch::Tensor run_layer(std::size_t index, const torch::Tensor& x);

  Graph graph_;
  std::vector<Layer> layers_;             // by node
  std::vector<torch::Tensor> constants_;  // by value
  std::vector<std::size_t> last_reader_;  // by value: the node after which it is not needed
};

}  // namespace bitsieve::train
