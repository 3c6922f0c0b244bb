// Activations as the quantized model will have them, while it is trained: values on the grids that quantize() gives
// them, read through the layers' activation codes (SPARQ's windows, few uniform levels). The forward pass in evaluation
// mode is that of the integers, but for the rounding of biases (with_whole_biases) and of float32.
#pragma once
#include <vector>

#include "base/state_file.h"
#include "quant/calibration.h"
#include "quant/model.h"
#include "quant/recipe.h"
#include "train/graph_module.h"
#include "train/options.h"

namespace bitsieve::train {

// Layers' weights "int8-exact"; activations as options.code says, int8 for the outermost layers. Throws Error for an
// unknown code, and for one that training cannot follow (2:4).
Recipe activation_recipe(const Graph& graph, const ActivationOptions& options);

// The graph with biases that are whole numbers of the accumulators' units, as the model has them: with weights of few
// bits such a unit is a good part of a step of the output.
Graph with_whole_biases(Graph graph, const QuantizedModel& model);

class Activations {
 public:
  // seen: what the float network gives (quant/calibration.h), every value of the graph.
  Activations(const Graph& graph, const Calibration& seen, const ActivationOptions& options);

  // Sets the hooks `value`, `sum` and `product`, and registers ranges that are trained. Must outlive the module's
  // use.
  void attach(GraphModule& module);

  // A calibration that holds the ranges as they are now: quantize() with activation_recipe() and RangeRule::minmax
  // makes the model of it that the forward pass is.
  Calibration ranges() const;

  void save(State& state) const;
  void load(const State& state);

 private:
  struct Value {
    bool coded = false;     // otherwise it stays as it is: float, or on a grid already
    double lo = 0, hi = 0;  // codes
    double range = 0;       // of code hi
    torch::Tensor trained;  // the same, where it is trained
  };

  torch::Tensor on_grid(Value& value, torch::Tensor x, bool relu, bool training) const;
  torch::Tensor product(std::size_t node, const torch::Tensor& x, const torch::Tensor& weight,
                        const torch::Tensor& bias) const;
  double scale(ValueId value) const;  // of a value on a grid
  torch::Tensor sum(std::size_t node, const torch::Tensor& a, const torch::Tensor& b, bool training);
  // Neither trained nor a batch's own.
  bool is_fixed(const Value& value, bool training) const {
    return !value.trained.defined() && !(options_.dynamic && training);
  }

  Graph graph_;
  ActivationOptions options_;
  std::vector<Value> values_;                    // by value
  std::vector<ValueId> grids_;                   // by value: the coded value whose grid it lies on
  std::vector<ActivationTransform> transforms_;  // by node
};

}  // namespace bitsieve::train
