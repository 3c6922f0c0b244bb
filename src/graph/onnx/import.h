// Internal to the ONNX reader: the model while it is read, one node's view of it, and the functions per operator.
#pragma once
#include <onnx/onnx_pb.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"
#include "graph/onnx/reader.h"

namespace bitsieve::importer {

constexpr std::int64_t max_elements = std::int64_t{1} << 28;  // of one tensor
constexpr std::size_t max_rank = 8;
constexpr int max_nodes = 1 << 16;

// A tensor known at load time, in the file's shape. Whole numbers and bools are int64; every other type is float32.
struct Constant {
  Shape shape;
  bool whole = false;  // which of the two vectors holds the elements
  std::vector<float> reals;
  std::vector<std::int64_t> wholes;

  std::int64_t size() const { return static_cast<std::int64_t>(whole ? wholes.size() : reals.size()); }
  std::uint64_t bytes() const { return reals.size() * sizeof(float) + wholes.size() * sizeof(std::int64_t); }
};
using ConstantPtr = std::shared_ptr<const Constant>;

struct Model {
  std::string origin;  // the file's name
  std::string output;  // of the graph
  OnnxLimits limits;
  std::int64_t opset = 0;
  std::int64_t batch = 1;  // as declared by the input; 1 where it is free
  bool batch_free = true;
  Graph graph;
  std::map<std::string, ConstantPtr> constants;
  std::map<std::string, ValueId> activations;
  std::map<std::string, const char*> unusable;  // names that exist and cannot be read here: why
  std::map<std::string, int> names;             // of nodes: how often each was asked for
  std::uint64_t constant_bytes = 0, activation_bytes = 0;

  // Counts memory that is about to be taken; throws Error beyond the limits.
  void charge_constant(const std::string& where, std::int64_t elements, std::size_t element_size);
  void charge_activation(const std::string& where, const Shape& shape);
};

// An upper bound for the memory of the parsed file, without parsing it; counting stops above `limit`.
std::uint64_t parsed_size(std::string_view bytes, std::uint64_t limit);
// The elements of `proto`, every size checked against the bytes present. `where` begins the message of errors.
Constant decode(Model& model, const onnx::TensorProto& proto, const std::string& where);
// "float16", ...; the numbers of TensorProto.DataType.
std::string type_name(int type);
// Product of extents that are not trusted; throws Error for negative extents, more than max_rank or max_elements.
std::int64_t checked_count(const Shape& shape, const std::string& where);

// One node of the file: access to its attributes and inputs, each checked.
class NodeReader {
 public:
  NodeReader(Model& m, const onnx::NodeProto& n) : model(m), proto(n) {}
  Model& model;
  const onnx::NodeProto& proto;

  // "'m.onnx': node 'conv1' (Conv)"
  std::string where() const;

  // Attributes; `otherwise` when absent. Throw Error on another type and on reals that are not finite.
  bool has_attribute(std::string_view name) const;
  const onnx::AttributeProto* attribute(std::string_view name, onnx::AttributeProto::AttributeType type) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  bool flag(std::string_view name, bool otherwise) const;  // 0 or 1
  float real(std::string_view name, float otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  std::vector<std::int64_t> integers(std::string_view name) const;

  bool has_input(int i) const;
  const Constant* constant(int i) const;  // null where input i is absent or an activation
  const Constant& need_constant(int i, std::string_view what) const;
  std::vector<std::int64_t> whole_numbers(int i, std::string_view what) const;
  float scalar(int i, std::string_view what) const;   // may be infinite, never NaN
  Tensor weight(int i, std::string_view what) const;  // finite
  ValueId activation(int i) const;
  const Shape& activation_shape(int i) const { return model.graph.shape(activation(i)); }
  // An attribute in old opsets, input i in new ones; empty when both are absent.
  std::vector<std::int64_t> attribute_or_input(std::string_view name, int i) const;

  // 0 <= axis < rank from an axis that may be negative.
  std::size_t axis(std::int64_t axis, std::size_t rank) const;
  // The same among rank per-image axes plus the batch, which is an error; the result counts without the batch.
  std::size_t image_axis(std::int64_t axis, std::size_t rank) const;

  // Appends a node reading `inputs` and returns its result; the shape is inferred, for reshape it is `shape`.
  // `suffix` tells apart the nodes of an operator that becomes several.
  ValueId emit(Op op, std::vector<ValueId> inputs, Attributes attributes = {}, std::vector<Tensor> params = {},
               std::string_view suffix = "", Shape shape = {}) const;
  ValueId reshape(ValueId input, Shape shape, std::string_view suffix = "") const;
  // Appends a constant value.
  ValueId constant_value(Tensor tensor, const std::string& name) const;
  // What output 0 is.
  void define(ValueId value) const;
  void define(Constant constant) const;
  void define(ConstantPtr constant) const;
};

// Computes an operator from constants alone.
using Fold = ConstantPtr (*)(const NodeReader&);
// Appends nodes to the graph and defines output 0.
using Lower = void (*)(const NodeReader&);

// A row of the table of supported operators.
struct Operator {
  const char* name;
  int min_inputs, max_inputs;
  const char* attributes;  // the supported ones, separated by blanks
  Lower lower;             // null: on constants only
  Fold fold;               // null: not computed from constants
};
const Operator* find_operator(const std::string& name);
std::vector<std::string> operator_names();

// fold_elementwise.cc: float32 and int64 arithmetic, numpy broadcasting.
ConstantPtr fold_binary(const NodeReader& n);
ConstantPtr fold_unary(const NodeReader& n);
ConstantPtr fold_cast(const NodeReader& n);
// fold_move.cc: constants made, renamed and rearranged.
ConstantPtr fold_constant(const NodeReader& n);
ConstantPtr fold_constant_of_shape(const NodeReader& n);
ConstantPtr fold_identity(const NodeReader& n);
ConstantPtr fold_shape(const NodeReader& n);
ConstantPtr fold_reshape(const NodeReader& n);  // Reshape, Flatten, Squeeze, Unsqueeze
ConstantPtr fold_transpose(const NodeReader& n);
ConstantPtr fold_concat(const NodeReader& n);
ConstantPtr fold_gather(const NodeReader& n);
ConstantPtr fold_slice(const NodeReader& n);
ConstantPtr fold_reduce_prod(const NodeReader& n);

// lower_layer.cc
void lower_conv(const NodeReader& n);
void lower_gemm(const NodeReader& n);
void lower_matmul(const NodeReader& n);
void lower_batch_norm(const NodeReader& n);
// lower_window.cc. `kernel` in the order height, width.
Window read_window(const NodeReader& n, const Shape& in, const std::vector<std::int64_t>& kernel);
void lower_max_pool(const NodeReader& n);
void lower_average_pool(const NodeReader& n);
void lower_global_pool(const NodeReader& n);
// lower_elementwise.cc
void lower_activation(const NodeReader& n);  // Relu, LeakyRelu, Sigmoid, HardSigmoid, HardSwish
void lower_clip(const NodeReader& n);
void lower_binary(const NodeReader& n);
void lower_softmax(const NodeReader& n);
void lower_identity(const NodeReader& n);   // Identity, Dropout, Cast
void check_inference(const NodeReader& n);  // throws Error for a Dropout in training mode
// lower_shape.cc
void lower_concat(const NodeReader& n);
void lower_slice(const NodeReader& n);
void lower_pad(const NodeReader& n);
void lower_reduce_mean(const NodeReader& n);
void lower_reshape(const NodeReader& n);
void lower_flatten(const NodeReader& n);
void lower_squeeze(const NodeReader& n);
void lower_unsqueeze(const NodeReader& n);
void lower_transpose(const NodeReader& n);
void lower_shape(const NodeReader& n);

// What Slice asks for, per axis of a tensor of shape `in`: 0 <= start, end <= extent, step >= 1. Used by both the
// folding and the lowering.
struct SliceRange {
  std::vector<std::int64_t> starts, ends, steps;
};
SliceRange read_slice(const NodeReader& n, const Shape& in);

}  // namespace bitsieve::importer
