// Arithmetic on constants: float32 as it would run, int64 with every overflow an error.
#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

// f(a, b) for every element of the broadcast `out`.
template <class T, class F>
std::vector<T> zip(const Shape& out, std::int64_t count, const Shape& sa, const std::vector<T>& a, const Shape& sb,
                   const std::vector<T>& b, F f) {
  const auto strides = [&](const Shape& s) {
    std::vector<std::size_t> steps(out.size(), 0);
    std::size_t step = 1;
    for (std::size_t i = s.size(); i-- > 0; step *= static_cast<std::size_t>(s[i])) {
      if (s[i] != 1) steps[out.size() - s.size() + i] = step;
    }
    return steps;
  };
  const std::vector<std::size_t> step_a = strides(sa), step_b = strides(sb);
  std::vector<std::int64_t> at(out.size(), 0);
  std::vector<T> result(static_cast<std::size_t>(count));
  std::size_t i = 0, j = 0;
  for (T& r : result) {
    r = f(a[i], b[j]);
    for (std::size_t axis = out.size(); axis-- > 0;) {
      i += step_a[axis];
      j += step_b[axis];
      if (++at[axis] < out[axis]) break;
      i -= step_a[axis] * static_cast<std::size_t>(out[axis]);
      j -= step_b[axis] * static_cast<std::size_t>(out[axis]);
      at[axis] = 0;
    }
  }
  return result;
}

float real_operation(const std::string& op, float x, float y) {
  return op == "Add" ? x + y : op == "Sub" ? x - y : op == "Mul" ? x * y : op == "Div" ? x / y : std::pow(x, y);
}

std::int64_t whole_operation(const NodeReader& n, const std::string& op, std::int64_t x, std::int64_t y) {
  std::int64_t result = 0;
  bool overflow = false;
  if (op == "Add") {
    overflow = __builtin_add_overflow(x, y, &result);
  } else if (op == "Sub") {
    overflow = __builtin_sub_overflow(x, y, &result);
  } else if (op == "Mul") {
    overflow = __builtin_mul_overflow(x, y, &result);
  } else if (op == "Div") {
    overflow = y == 0 || (y == -1 && x == std::numeric_limits<std::int64_t>::min());
    if (!overflow) result = x / y;
  } else {
    fail("{}: whole numbers are not supported; float is", n.where());
  }
  if (overflow) fail("{}: {} and {} overflow, or divide by zero", n.where(), x, y);
  return result;
}

float real_function(const std::string& op, float x) {
  if (op == "Abs") return std::abs(x);
  if (op == "Ceil") return std::ceil(x);
  if (op == "Exp") return std::exp(x);
  if (op == "Floor") return std::floor(x);
  if (op == "Neg") return -x;
  return op == "Sqrt" ? std::sqrt(x) : 1 / x;  // Reciprocal
}

std::int64_t whole_from(const NodeReader& n, float x) {
  if (!(std::abs(x) < 0x1p62f)) fail("{}: {} does not fit a whole number", n.where(), x);
  return static_cast<std::int64_t>(x);
}

}  // namespace

ConstantPtr fold_binary(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "operand");
  const Constant& b = n.need_constant(1, "operand");
  if (a.whole != b.whole)
    fail("{}: one operand holds whole numbers, the other reals; they must be of one type", n.where());
  auto c = std::make_shared<Constant>();
  try {
    c->shape = broadcast_shape(a.shape, b.shape);
  } catch (const Error& e) {
    fail("{}: {}", n.where(), e.what());
  }
  const std::int64_t count = checked_count(c->shape, n.where());
  n.model.charge_constant(n.where(), count, a.whole ? sizeof(std::int64_t) : sizeof(float));
  c->whole = a.whole;
  const std::string& op = n.proto.op_type();
  if (a.whole) {
    c->wholes = zip(c->shape, count, a.shape, a.wholes, b.shape, b.wholes,
                    [&](std::int64_t x, std::int64_t y) { return whole_operation(n, op, x, y); });
  } else {
    c->reals = zip(c->shape, count, a.shape, a.reals, b.shape, b.reals,
                   [&](float x, float y) { return real_operation(op, x, y); });
  }
  return c;
}

ConstantPtr fold_unary(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "operand");
  if (a.whole) fail("{}: whole numbers are not supported; float is", n.where());
  n.model.charge_constant(n.where(), a.size(), sizeof(float));
  auto c = std::make_shared<Constant>(a);
  for (float& x : c->reals) x = real_function(n.proto.op_type(), x);
  return c;
}

ConstantPtr fold_cast(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "operand");
  const auto to = n.integer("to", 0);
  using onnx::TensorProto;
  auto c = std::make_shared<Constant>();
  c->shape = a.shape;
  c->whole = to == TensorProto::INT64 || to == TensorProto::INT32 || to == TensorProto::BOOL;
  if (!c->whole && to != TensorProto::FLOAT && to != TensorProto::DOUBLE) {
    fail("{}: a constant is cast to {}; supported are float, double, int64, int32, bool", n.where(),
         to >= 0 && to < 100 ? type_name(static_cast<int>(to)) : std::to_string(to));
  }
  n.model.charge_constant(n.where(), a.size(), c->whole ? sizeof(std::int64_t) : sizeof(float));
  if (!c->whole) {
    c->reals = a.reals;
    for (const std::int64_t x : a.wholes) c->reals.push_back(static_cast<float>(x));
    return c;
  }
  c->wholes = a.wholes;
  for (const float x : a.reals) c->wholes.push_back(to == TensorProto::BOOL ? x != 0 : whole_from(n, x));
  for (std::int64_t& x : c->wholes) {
    if (to == TensorProto::BOOL) x = x != 0;
    if (to == TensorProto::INT32 && x != static_cast<std::int32_t>(x)) fail("{}: {} does not fit int32", n.where(), x);
  }
  return c;
}

}  // namespace bitsieve::importer
