// Constants made, renamed and rearranged.
#include <algorithm>
#include <utility>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

using onnx::AttributeProto;

// A constant of shape `out` whose element i is element source(i) of `a`.
template <class F>
ConstantPtr pick(const NodeReader& n, const Constant& a, Shape out, F source) {
  const std::int64_t count = checked_count(out, n.where());
  n.model.charge_constant(n.where(), count, a.whole ? sizeof(std::int64_t) : sizeof(float));
  auto c = std::make_shared<Constant>();
  c->shape = std::move(out);
  c->whole = a.whole;
  const auto fill = [&](const auto& from, auto& to) {
    to.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = from[static_cast<std::size_t>(source(static_cast<std::int64_t>(i)))];
  };
  a.whole ? fill(a.wholes, c->wholes) : fill(a.reals, c->reals);
  return c;
}

// The same elements in another shape of as many.
ConstantPtr reshaped(const NodeReader& n, const Constant& a, Shape shape) {
  if (checked_count(shape, n.where()) != a.size()) {
    fail("{}: {} cannot be reshaped to {}", n.where(), to_string(a.shape), to_string(shape));
  }
  return pick(n, a, std::move(shape), [](std::int64_t i) { return i; });
}

std::int64_t product(Shape::const_iterator from, Shape::const_iterator to) {
  std::int64_t result = 1;
  for (; from != to; ++from) result *= *from;
  return result;
}

Shape reshape_target(const NodeReader& n, const Constant& a) {
  Shape out = n.whole_numbers(1, "shape");
  if (out.size() > max_rank) fail("{}: a target of rank {}; at most {} is supported", n.where(), out.size(), max_rank);
  const bool keep_zero = n.flag("allowzero", false);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] != 0 || keep_zero) continue;
    if (i >= a.shape.size()) fail("{}: it copies dimension {}, which its input does not have", n.where(), i);
    out[i] = a.shape[i];
  }
  const auto open = std::find(out.begin(), out.end(), -1);
  if (open == out.end()) return out;
  if (std::find(open + 1, out.end(), -1) != out.end()) fail("{}: more than one target dimension is -1", n.where());
  *open = 1;
  *open = a.size() / std::max<std::int64_t>(checked_count(out, n.where()), 1);
  return out;
}

}  // namespace

ConstantPtr fold_constant(const NodeReader& n) {
  if (n.proto.attribute_size() != 1) fail("{}: it has {} attributes, not one", n.where(), n.proto.attribute_size());
  auto c = std::make_shared<Constant>();
  if (const auto* value = n.attribute("value", AttributeProto::TENSOR)) {
    *c = decode(n.model, value->t(), n.where());
  } else if (n.has_attribute("value_float")) {
    c->reals = {n.real("value_float", 0)};
  } else if (n.has_attribute("value_int")) {
    c->whole = true;
    c->wholes = {n.integer("value_int", 0)};
  } else if (const auto* reals = n.attribute("value_floats", AttributeProto::FLOATS)) {
    n.model.charge_constant(n.where(), reals->floats_size(), sizeof(float));
    c->reals.assign(reals->floats().begin(), reals->floats().end());
    c->shape = {c->size()};
  } else {
    n.model.charge_constant(n.where(), n.proto.attribute(0).ints_size(), sizeof(std::int64_t));
    c->whole = true;
    c->wholes = n.integers("value_ints");
    c->shape = {c->size()};
  }
  return c;
}

ConstantPtr fold_constant_of_shape(const NodeReader& n) {
  Constant fill;
  fill.reals = {0};
  if (const auto* value = n.attribute("value", AttributeProto::TENSOR)) fill = decode(n.model, value->t(), n.where());
  if (fill.size() != 1) fail("{}: its value has {} elements, not one", n.where(), fill.size());
  return pick(n, fill, n.whole_numbers(0, "shape"), [](std::int64_t) { return 0; });
}

ConstantPtr fold_identity(const NodeReader& n) {
  n.need_constant(0, "input");
  check_inference(n);
  return n.model.constants.at(n.proto.input(0));
}

ConstantPtr fold_shape(const NodeReader& n) {
  const Shape& shape = n.need_constant(0, "input").shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto bound = [&](std::int64_t v) {
    return std::clamp<std::int64_t>(v < 0 ? std::max(v, -rank) + rank : v, 0, rank);
  };
  const std::int64_t start = bound(n.integer("start", 0)), end = std::max(start, bound(n.integer("end", rank)));
  auto c = std::make_shared<Constant>();
  c->whole = true;
  c->wholes.assign(shape.begin() + start, shape.begin() + end);
  c->shape = {end - start};
  return c;
}

ConstantPtr fold_reshape(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "input");
  const std::string& type = n.proto.op_type();
  if (type == "Reshape") return reshaped(n, a, reshape_target(n, a));
  Shape out = a.shape;
  if (type == "Flatten") {
    const std::int64_t given = n.integer("axis", 1), rank = static_cast<std::int64_t>(out.size());
    if (given < -rank || given > rank)
      fail("{}: axis {} is out of range for a tensor of rank {}", n.where(), given, rank);
    const auto cut = out.begin() + (given < 0 ? given + rank : given);
    return reshaped(n, a, {product(out.begin(), cut), product(cut, out.end())});
  }
  const auto axes = n.attribute_or_input("axes", 1);
  const bool insert = type == "Unsqueeze";
  const std::size_t rank = out.size() + (insert ? axes.size() : 0);
  if (rank > max_rank) fail("{}: a result of rank {}; at most {} is supported", n.where(), rank, max_rank);
  std::set<std::size_t> sorted;
  for (const std::int64_t axis : axes) {
    if (!sorted.insert(n.axis(axis, rank)).second) fail("{}: axis {} is named twice", n.where(), axis);
  }
  if (insert) {
    for (const std::size_t axis : sorted) out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    return reshaped(n, a, out);
  }
  Shape kept;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (sorted.contains(i) && out[i] != 1)
      fail("{}: axis {} has {} elements; only axes of one are squeezed", n.where(), i, out[i]);
    if (!(axes.empty() ? out[i] == 1 : sorted.contains(i))) kept.push_back(out[i]);
  }
  return reshaped(n, a, kept);
}

ConstantPtr fold_transpose(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "input");
  const std::size_t rank = a.shape.size();
  std::vector<std::int64_t> permutation = n.integers("perm");
  if (!n.has_attribute("perm")) {
    for (std::size_t i = rank; i-- > 0;) permutation.push_back(static_cast<std::int64_t>(i));
  }
  const std::set<std::int64_t> all(permutation.begin(), permutation.end());
  if (permutation.size() != rank || all.size() != rank ||
      (rank && (*all.begin() != 0 || *all.rbegin() != static_cast<std::int64_t>(rank) - 1))) {
    fail("{}: perm is not a permutation of {} axes", n.where(), rank);
  }
  Shape out(rank), strides(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto from = static_cast<std::ptrdiff_t>(permutation[i]);
    out[i] = a.shape[static_cast<std::size_t>(from)];
    strides[i] = product(a.shape.begin() + from + 1, a.shape.end());
  }
  return pick(n, a, out, [&](std::int64_t i) {
    std::int64_t at = 0;
    for (std::size_t axis = rank; axis-- > 0; i /= out[axis]) at += i % out[axis] * strides[axis];
    return at;
  });
}

ConstantPtr fold_concat(const NodeReader& n) {
  const Constant& first = n.need_constant(0, "input");
  if (!n.has_attribute("axis")) fail("{}: its attribute 'axis' is missing", n.where());
  const std::size_t axis = n.axis(n.integer("axis", 0), first.shape.size());
  auto c = std::make_shared<Constant>();
  c->whole = first.whole;
  c->shape = first.shape;
  c->shape[axis] = 0;
  std::vector<const Constant*> parts;
  for (int i = 0; i < n.proto.input_size(); ++i) {
    const Constant& part = n.need_constant(i, "input");
    Shape rest = part.shape;
    if (rest.size() == first.shape.size()) rest[axis] = first.shape[axis];
    if (rest != first.shape || part.whole != first.whole) {
      fail("{}: {} and {} do not concatenate along axis {}", n.where(), to_string(first.shape), to_string(part.shape),
           axis);
    }
    c->shape[axis] += part.shape[axis];
    if (part.size() > 0) parts.push_back(&part);  // the loops below stay within the size of the result
  }
  n.model.charge_constant(n.where(), checked_count(c->shape, n.where()),
                          c->whole ? sizeof(std::int64_t) : sizeof(float));
  const auto cut = static_cast<std::ptrdiff_t>(axis);
  const std::int64_t outer = product(first.shape.begin(), first.shape.begin() + cut);
  for (std::int64_t o = 0; o < outer && !parts.empty(); ++o) {
    for (const Constant* part : parts) {
      const std::int64_t length = product(part->shape.begin() + cut, part->shape.end());
      const auto append = [&](const auto& from, auto& to) {
        to.insert(to.end(), from.begin() + o * length, from.begin() + (o + 1) * length);
      };
      c->whole ? append(part->wholes, c->wholes) : append(part->reals, c->reals);
    }
  }
  return c;
}

ConstantPtr fold_gather(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "input");
  const Constant& indices = n.need_constant(1, "indices");
  if (!indices.whole) fail("{}: its indices '{}' must be whole numbers", n.where(), n.proto.input(1));
  const std::size_t axis = n.axis(n.integer("axis", 0), a.shape.size());
  const auto cut = a.shape.begin() + static_cast<std::ptrdiff_t>(axis);
  const std::int64_t extent = *cut, inner = product(cut + 1, a.shape.end()), many = indices.size();
  for (const std::int64_t i : indices.wholes) {
    if (i < -extent || i >= extent) fail("{}: index {} is out of range for an axis of {}", n.where(), i, extent);
  }
  Shape out(a.shape.begin(), cut);
  out.insert(out.end(), indices.shape.begin(), indices.shape.end());
  out.insert(out.end(), cut + 1, a.shape.end());
  return pick(n, a, out, [&](std::int64_t i) {
    const std::int64_t index = indices.wholes[static_cast<std::size_t>(i / inner % many)];
    return (i / inner / many * extent + (index < 0 ? index + extent : index)) * inner + i % inner;
  });
}

ConstantPtr fold_slice(const NodeReader& n) {
  const Constant& a = n.need_constant(0, "input");
  const SliceRange r = read_slice(n, a.shape);
  Shape out(a.shape.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (r.ends[i] - r.starts[i] + r.steps[i] - 1) / r.steps[i];
  return pick(n, a, out, [&](std::int64_t i) {
    std::int64_t at = 0, step = 1;
    for (std::size_t axis = out.size(); axis-- > 0; i /= out[axis]) {
      at += (r.starts[axis] + i % out[axis] * r.steps[axis]) * step;
      step *= a.shape[axis];
    }
    return at;
  });
}

ConstantPtr fold_reduce_prod(const NodeReader& n) {
  const std::vector<std::int64_t> factors = n.whole_numbers(0, "input");
  for (const std::int64_t axis : n.attribute_or_input("axes", 1)) n.axis(axis, 1);
  auto c = std::make_shared<Constant>();
  c->whole = true;
  c->wholes = {1};
  if (n.flag("keepdims", true)) c->shape = {1};
  for (const std::int64_t f : factors) {
    if (__builtin_mul_overflow(c->wholes[0], f, &c->wholes[0])) fail("{}: the product overflows", n.where());
  }
  return c;
}

}  // namespace bitsieve::importer
