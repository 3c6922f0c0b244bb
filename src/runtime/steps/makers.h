// The kinds of steps. A maker returns null where its kind has no form for the node: then the plain executor runs it.
#pragma once
#include <memory>
#include <string>

#include "runtime/step.h"

namespace bitsieve::steps {

// A node and what is around it.
struct Source {
  const QuantizedModel& model;
  int index;
  Isa isa;
  const Node& node;
  const LayerCode& layer;
  std::int64_t packed_from = -1;  // StepOptions::packed_from

  std::size_t inputs() const { return node.inputs.size(); }
  bool is_constant(std::size_t k) const { return model.graph.is_constant(node.inputs[k]); }
  const Shape& in(std::size_t k = 0) const { return model.graph.shape(node.inputs[k]); }
  const Shape& out() const { return model.graph.shape(node.output); }
  const ValueCode& in_code(std::size_t k = 0) const { return model.values[static_cast<std::size_t>(node.inputs[k])]; }
  const ValueCode& out_code() const { return model.values[static_cast<std::size_t>(node.output)]; }
  bool is_signed(std::size_t k = 0) const { return in_code(k).type == DType::s8; }
};

using Made = std::unique_ptr<const Step>;

// Integer nodes: 8-bit values in, 8-bit values out (conv and linear: or float).
Made make_conv(const Source& source);       // conv, linear
Made make_depthwise(const Source& source);  // conv with one filter per channel
Made make_winograd(const Source& source);   // conv of 3 x 3 and stride 1, where that is faster
// Of a convolution whose shape Winograd's products suit: why they do not run it; else empty.
std::string why_not_winograd(const Source& source);
Made make_wide_conv(const Source& source);  // conv of few channels, where gathering would take longer than products
Made make_two_of_four(const Source& source);
Made make_packed_product(const Source& source);  // conv and linear of shared shifts, large, with one output pixel
Made make_binary(const Source& source);          // add, sub, mul
Made make_pool(const Source& source);            // max_pool, average_pool
Made make_mean(const Source& source);            // reduce_mean over the plane
Made make_move(const Source& source);            // concat, slice, pad, reshape, transpose
Made make_table(const Source& source);           // unary functions
Made make_matmul(const Source& source);

// Float nodes: float32 in, float32 out.
Made make_conv_f32(const Source& source);       // conv, linear
Made make_depthwise_f32(const Source& source);  // conv with one filter per channel
Made make_binary_f32(const Source& source);
Made make_pool_f32(const Source& source);
Made make_mean_f32(const Source& source);
Made make_move_f32(const Source& source);
Made make_unary_f32(const Source& source);
Made make_matmul_f32(const Source& source);
Made make_softmax_f32(const Source& source);

// Any node, by runtime/reference.
Made make_reference(const Source& source);

// `inner`, a float step, between values of which some are 8-bit: they are read as real numbers, and the result is
// quantized.
Made make_converted(const Source& source, Made inner);

}  // namespace bitsieve::steps
