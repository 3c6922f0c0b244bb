// Activation functions, arithmetic and softmax.
#include <cmath>
#include <limits>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

// An operand of arithmetic: an activation of `rank` per-image axes, or a constant without its batch axis.
ValueId operand(const NodeReader& n, int i, std::size_t rank) {
  if (!n.constant(i)) {
    // Shapes align at the end, so different ranks would meet one operand's batch with another's channels.
    if (n.activation_shape(i).size() != rank)
      fail("{}: its operands have different ranks, which would mix the batch", n.where());
    return n.activation(i);
  }
  Tensor t = n.weight(i, "operand");
  while (t.shape.size() > rank) {
    if (t.shape.size() > rank + 1 || t.shape[0] != 1) {
      fail("{}: its operand '{}' of shape {} has a batch; a constant over the batch is not supported", n.where(),
           n.proto.input(i), to_string(t.shape));
    }
    t.shape.erase(t.shape.begin());
  }
  return n.constant_value(std::move(t), n.proto.input(i));
}

}  // namespace

void lower_activation(const NodeReader& n) {
  const std::string& type = n.proto.op_type();
  Attributes a;
  Op op = Op::relu;
  if (type == "LeakyRelu") {
    op = Op::leaky_relu;
    a.alpha = n.real("alpha", 0.01f);
  } else if (type == "HardSigmoid") {
    op = Op::hard_sigmoid;
    a.alpha = n.real("alpha", 0.2f);
    a.beta = n.real("beta", 0.5f);
  } else if (type == "Sigmoid") {
    op = Op::sigmoid;
  } else if (type == "HardSwish") {
    op = Op::hard_swish;
  }
  n.define(n.emit(op, {n.activation(0)}, a));
}

void lower_clip(const NodeReader& n) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  Attributes a;
  a.lo = n.has_input(1) ? n.scalar(1, "min") : n.real("min", -most);
  a.hi = n.has_input(2) ? n.scalar(2, "max") : n.real("max", most);
  // The standard's defaults are the extreme numbers; they mean "open".
  if (a.lo <= -most) a.lo = -infinity;
  if (a.hi >= most) a.hi = infinity;
  a.lo = std::min(a.lo, a.hi);  // the standard: where min is greater than max, everything becomes max
  n.define(n.emit(Op::clip, {n.activation(0)}, a));
}

void lower_binary(const NodeReader& n) {
  const std::string& type = n.proto.op_type();
  const Op op = type == "Add" ? Op::add : type == "Sub" ? Op::sub : type == "Mul" ? Op::mul : Op::div;
  const std::size_t rank = n.activation_shape(n.constant(0) ? 1 : 0).size();
  const ValueId a = operand(n, 0, rank), b = operand(n, 1, rank);
  n.define(n.emit(op, {a, b}));
}

// Before opset 13 the tensor is a matrix, split before `axis`, and softmax runs along its rows.
void lower_softmax(const NodeReader& n) {
  const ValueId in = n.activation(0);
  const Shape shape = n.model.graph.shape(in);
  const bool rows = n.model.opset < 13;
  const std::size_t axis = n.image_axis(n.integer("axis", rows ? 1 : -1), shape.size());
  Attributes a;
  a.axis = static_cast<std::int64_t>(axis);
  Shape flat(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
  flat.push_back(1);
  for (std::size_t i = axis; i < shape.size(); ++i) flat.back() *= shape[i];
  if (!rows || flat.back() == shape[axis]) return n.define(n.emit(Op::softmax, {in}, a));
  const ValueId result = n.emit(Op::softmax, {n.reshape(in, flat, "/flat")}, a, {}, "/rows");
  n.define(n.reshape(result, shape));
}

void check_inference(const NodeReader& n) {
  if (n.proto.op_type() == "Dropout" && n.has_input(2) && n.scalar(2, "training_mode") != 0) {
    fail("{}: training_mode = true is not supported; false is", n.where());
  }
}

void lower_identity(const NodeReader& n) {
  const std::string& type = n.proto.op_type();
  if (type == "Cast" && n.integer("to", 0) != onnx::TensorProto::FLOAT) {
    fail("{}: activations are cast to {}; only float is supported", n.where(),
         type_name(static_cast<int>(n.integer("to", 0))));
  }
  check_inference(n);
  n.define(n.activation(0));
}

}  // namespace bitsieve::importer
