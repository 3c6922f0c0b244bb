// Graph + Calibration + Recipe -> QuantizedModel.
#pragma once
#include <cstdint>
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

// Sums of values of different scales: acc = a * x + b * y, result = acc * 2^-exponent. The larger of a and b is in
// [2^14, 2^15): exact in int32, and in float32 as well.
struct AddFactors {
  std::int32_t a = 0, b = 0;
  int exponent = 0;
};
// ra, rb: scales of x and y over that of the result.
AddFactors add_factors(double ra, double rb);

// Nodes that only select or move values: their output has the code of their first input.
bool keeps_code(const Node& node);

}  // namespace bitsieve
