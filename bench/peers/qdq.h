// A quantized model as an ONNX file with QuantizeLinear and DequantizeLinear around every operator, the form from which
// ONNX Runtime makes its own integer operators.
#pragma once
#include <string>

#include "quant/model.h"

namespace bitsieve::bench {

// The file's bytes: same weights, scales and clamps. s8 values become uint8 with zero point 128, which is what ONNX
// Runtime runs fastest on x86. Activation transforms are left out: this is the INT8 network. Throws Error naming the
// node for what the form cannot say (weights of 8 bits at most; no depth of slices, broadcasting or 2:4).
std::string write_qdq(const QuantizedModel& model);

}  // namespace bitsieve::bench
