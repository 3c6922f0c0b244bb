// Graph + Calibration + Recipe -> QuantizedModel.
#pragma once
#include <string>
#include <vector>

#include "quant/calibration.h"
#include "quant/model.h"
#include "quant/recipe.h"

namespace bitsieve {

struct QuantizeResult {
  QuantizedModel model;
  std::vector<std::string> warnings;  // one line each: dead filters kept as constants, ...
};

// `graph`: batch norms folded and activations fused. Throws Error when the calibration lacks a value of the graph
// (it belongs to another model), for unknown codes, and for bad patterns. threads <= 0: all processors; the result does
// not depend on it.
QuantizeResult quantize(const Graph& graph, const Calibration& calibration, const Recipe& recipe, int threads = 0);

// Nodes that only select or move values: their output has the code of their first input.
bool keeps_code(const Node& node);

}  // namespace bitsieve
