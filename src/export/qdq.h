// A quantized model as an ONNX file that other runtimes compute in integers: QuantizeLinear and DequantizeLinear around
// every operator (QDQ).
#pragma once
#include <cstdint>
#include <string>

#include "quant/model.h"

namespace bitsieve {

struct QdqOptions {
  std::int64_t batch = 0;  // images of a run; 0 leaves it open
  // Values that may be negative as int8 with zero point 0; otherwise as uint8 with zero point 128, so that all values
  // are of one type and ONNX Runtime keeps its integer operators together.
  bool signed_int8 = false;
};

// The file's bytes, opset 14: the model's integers of weights and biases, its scales and clamps. Weights are int8 with
// a scale a filter, whatever code they have (SWIS, BSQ, 2:4). Negative scales become positive where the integers can be
// negated, which -128 cannot. A uniform activation code of fewer bits is a second pair of nodes before its layer, with
// a Clip on the integers (QCDQ).
//
// What it says is the model's meaning up to rounding: products and sums are the same integers, but additions, means and
// functions are computed in float and rounded once, where Bitsieve has integer factors and tables; -128, which
// Bitsieve's values never are, can occur.
//
// The model's metadata has the weight code of every layer and its stored bits a weight (quant/weight_facts.h).
//
// Throws Error naming the layer for what the form cannot say: SPARQ's windows.
std::string write_qdq(const QuantizedModel& model, const QdqOptions& options = {});

}  // namespace bitsieve
