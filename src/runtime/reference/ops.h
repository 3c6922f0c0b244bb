// The plain executor of one node on one image: the definition that every fast kernel equals bit for bit.
#pragma once
#include <cstdint>
#include <span>

#include "quant/model.h"

namespace bitsieve::reference {

// All operators on float values. inputs[i] holds input i in storage layout (constants included).
// Sums run in the order kernel row, kernel column, input channel, in float32. Of convolutions and linear layers a
// product and its sum are rounded once (std::fma); those of matmul are rounded each. (A call of the C library
// each, where this is compiled for machines without the instruction: a plain executor takes its time.)
void run_float(const Graph& graph, const Node& node, std::span<const float* const> inputs, float* output);

// True when `node` has an integer form: conv, linear, matmul, add, sub, mul (one operand may be constant), concat,
// pools, means over the whole plane, movement of data and unary functions, between 8-bit values.
bool has_integer_form(const Graph& graph, const Node& node);

// One integer node. inputs[i] points to 8-bit values; output to 8-bit values, or to float32 when the output value's
// type is f32 (conv, linear and matmul only: float(acc) * multiplier[o], then the node's clamp; matmul: multiplier[0]).
void run_integer(const QuantizedModel& model, int node, std::span<const void* const> inputs, void* output);

// clamp(round_half_even(x / scale)) to the range of `code`, and back.
void quantize(const float* x, std::int64_t count, const ValueCode& code, void* q);
void dequantize(const void* q, std::int64_t count, const ValueCode& code, float* x);

// value * scale of a unary operator (relu, clip, sigmoid, ...) in float; used to fill 256-entry tables too.
float unary(const Node& node, float x);

}  // namespace bitsieve::reference
