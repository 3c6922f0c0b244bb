// A network in normal form, independent of the file it came from.
//
// Batch: every activation has a leading batch dimension in ONNX; here it is left out. All shapes of values are
// per image: (C, H, W) for feature maps, (F) for vectors. Constants keep the shape they broadcast with, also
// without the batch dimension.
// Normal form, established by the reader: convolution and linear weights are constants held by their node;
// Identity, Dropout, Constant and everything computable at load time are gone; Flatten, Squeeze and Unsqueeze have
// become reshape; GlobalAveragePool has become reduce_mean over the last two axes.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace bitsieve {

enum class Op {
  conv,        // params: weight OIHW [, bias O]
  linear,      // y[..., o] = sum_k x[..., k] w[o][k] + b[o]; params: weight OK [, bias O]
  matmul,      // both operands are activations: [..., M, K] x [..., K, N]
  batch_norm,  // per channel (axis 0); params: gamma, beta, mean, variance; attribute epsilon
  relu,
  leaky_relu,  // alpha
  clip,        // lo, hi
  sigmoid,
  hard_sigmoid,  // max(0, min(1, alpha x + beta))
  hard_swish,    // x * max(0, min(1, x/6 + 1/2))
  add,
  sub,
  mul,
  div,     // numpy broadcasting; one operand may be a constant value
  concat,  // axis
  slice,   // starts, ends, steps per axis (normalized: 0 <= start, start < end for positive steps)
  pad,     // before, after per axis; constant value
  max_pool,
  average_pool,
  reduce_mean,  // axes; keep_dims
  reshape,      // to the output's shape
  transpose,    // permutation
  softmax,      // axis
};

// "conv", "max_pool", ...
const char* op_name(Op op);

// Spatial geometry of conv and pools, in the order height, width.
struct Window {
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<std::int64_t, 2> pad_before{0, 0}, pad_after{0, 0};  // resolved: auto_pad and ceil_mode are folded in
  std::int64_t groups = 1;                                        // conv only
  bool count_include_pad = false;                                 // average_pool only
};

struct Attributes {
  Window window;                                  // conv, max_pool, average_pool
  float alpha = 0, beta = 0;                      // leaky_relu, hard_sigmoid
  float lo = 0, hi = 0;                           // clip (infinite where open)
  float epsilon = 0;                              // batch_norm
  float value = 0;                                // pad
  std::int64_t axis = 0;                          // concat, softmax (per-image axis)
  bool keep_dims = true;                          // reduce_mean
  std::vector<std::int64_t> axes;                 // reduce_mean (per image, sorted), transpose (permutation)
  std::vector<std::int64_t> starts, ends, steps;  // slice: one entry per per-image axis
  std::vector<std::int64_t> before, after;        // pad: one entry per per-image axis
};

using ValueId = int;

struct Value {
  std::string name;
  Shape shape;                             // per image
  std::shared_ptr<const Tensor> constant;  // set for constants, which are not produced by any node
};

// The batch norm that fold_batch_norms folded into a conv or linear: what recalibration of its statistics needs.
// One entry per output channel.
struct FoldedNorm {
  std::vector<float> gamma, beta, mean, variance;
  float epsilon = 0;
};

struct Node {
  Op op;
  std::string name;  // unique in the graph, never empty
  std::vector<ValueId> inputs;
  ValueId output = -1;
  Attributes attributes;
  std::vector<Tensor> params;  // see Op; of conv and linear in a packed model read to be run: shapes without elements
  // Fused activation: the result is clamped to [clamp_lo, clamp_hi]. Set by fuse_activations on conv, linear and add;
  // relu is [0, inf].
  float clamp_lo = -std::numeric_limits<float>::infinity();
  float clamp_hi = std::numeric_limits<float>::infinity();

  std::shared_ptr<const FoldedNorm> norm;  // conv and linear; null where none was folded

  const Tensor& weight() const { return params.at(0); }
  const Tensor* bias() const { return params.size() > 1 ? &params[1] : nullptr; }  // conv and linear
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;  // in topological order
  ValueId input = -1;       // images
  ValueId output = -1;      // class scores

  const Shape& shape(ValueId id) const { return values.at(static_cast<std::size_t>(id)).shape; }
  bool is_constant(ValueId id) const { return values.at(static_cast<std::size_t>(id)).constant != nullptr; }
  // Index into nodes of the node producing `id`, or -1 for the input and constants.
  int producer(ValueId id) const;
  // Indices of the nodes reading `id`, in order.
  std::vector<int> consumers(ValueId id) const;
  ValueId add_value(std::string value_name, Shape value_shape);
};

// Per-image output shape of `node` from its inputs' shapes and attributes. Throws Error naming the node.
Shape infer_shape(const Graph& graph, const Node& node);

// Checks every invariant stated above (ids in range, topological order, parameter shapes, inferred shapes equal to
// the stored ones, finite constants). Throws Error naming the node. shapes_do: params of conv and linear may be shapes
// without elements.
void validate(const Graph& graph, bool shapes_do = false);

inline bool has_weights(const Node& node) { return node.op == Op::conv || node.op == Op::linear; }

// First convolutions and classifiers: the layers with weights that the image reaches, or that reach the output, with no
// other one between. By node; false for all others.
std::vector<bool> outermost_layers(const Graph& graph);

// Multiply-accumulates of one image; 0 for anything but conv, linear and matmul.
std::int64_t macs(const Graph& graph, const Node& node);

}  // namespace bitsieve
