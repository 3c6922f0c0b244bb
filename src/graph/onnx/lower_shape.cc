// Operators that move activations: per-image shapes from shapes that count the batch.
#include <algorithm>
#include <cmath>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

std::int64_t count_of(const Shape& shape) { return element_count(shape); }

}  // namespace

void lower_concat(const NodeReader& n) {
  std::vector<ValueId> inputs;
  for (int i = 0; i < n.proto.input_size(); ++i) inputs.push_back(n.activation(i));
  if (!n.has_attribute("axis")) fail("{}: its attribute 'axis' is missing", n.where());
  Attributes a;
  a.axis = static_cast<std::int64_t>(n.image_axis(n.integer("axis", 1), n.activation_shape(0).size()));
  n.define(n.emit(Op::concat, std::move(inputs), a));
}

SliceRange read_slice(const NodeReader& n, const Shape& in) {
  const auto starts = n.attribute_or_input("starts", 1), ends = n.attribute_or_input("ends", 2);
  auto axes = n.attribute_or_input("axes", 3), steps = n.attribute_or_input("steps", 4);
  if (axes.empty()) {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    fail("{}: {} starts, {} ends, {} axes, {} steps; they must be equally many", n.where(), starts.size(), ends.size(),
         axes.size(), steps.size());
  }
  SliceRange r{Shape(in.size(), 0), in, Shape(in.size(), 1)};
  std::vector<bool> seen(in.size(), false);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = n.axis(axes[i], in.size());
    if (seen[axis]) fail("{}: axis {} is named twice", n.where(), axes[i]);
    seen[axis] = true;
    const std::int64_t extent = in[axis];
    const auto clamp = [&](std::int64_t v) {
      return std::clamp<std::int64_t>(v < 0 ? std::max(v, -extent) + extent : v, 0, extent);
    };
    if (steps[i] < 1) fail("{}: a step of {} is not supported; positive steps are", n.where(), steps[i]);
    r.starts[axis] = clamp(starts[i]);
    r.ends[axis] = std::max(clamp(ends[i]), r.starts[axis]);
    r.steps[axis] = std::min(steps[i], std::max<std::int64_t>(extent, 1));
  }
  return r;
}

void lower_slice(const NodeReader& n) {
  Shape in = n.activation_shape(0);
  // The batch stands in with an extent that no file's numbers reach, so that only "all of it" leaves it whole.
  constexpr std::int64_t any = std::int64_t{1} << 40;
  in.insert(in.begin(), n.model.batch_free ? any : n.model.batch);
  const SliceRange r = read_slice(n, in);
  const bool whole = r.starts[0] == 0 && r.steps[0] == 1 && (r.ends[0] == in[0] || r.ends[0] == 0x7fffffff);
  if (!whole) fail("{}: it takes part of the batch, which is not supported", n.where());
  Attributes a;
  for (std::size_t i = 1; i < in.size(); ++i) {
    if (r.ends[i] == r.starts[i]) fail("{}: nothing is left of axis {}; empty results are not supported", n.where(), i);
    a.starts.push_back(r.starts[i]);
    a.ends.push_back(r.ends[i]);
    a.steps.push_back(r.steps[i]);
  }
  n.define(n.emit(Op::slice, {n.activation(0)}, a));
}

void lower_pad(const NodeReader& n) {
  const std::string mode = n.text("mode", "constant");
  if (mode != "constant") fail("{}: mode '{}' is not supported; constant is", n.where(), mode);
  const std::size_t rank = n.activation_shape(0).size() + 1;
  const auto pads = n.attribute_or_input("pads", 1);
  std::vector<std::int64_t> axes;
  if (n.has_input(3)) {
    axes = n.whole_numbers(3, "axes");
  } else {
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (pads.size() != 2 * axes.size())
    fail("{}: it has {} pads for {} axes, not {}", n.where(), pads.size(), axes.size(), 2 * axes.size());
  std::vector<std::int64_t> before(rank, 0), after(rank, 0);
  std::vector<bool> seen(rank, false);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = n.axis(axes[i], rank);
    if (seen[axis]) fail("{}: axis {} is named twice", n.where(), axes[i]);
    seen[axis] = true;
    before[axis] = pads[i];
    after[axis] = pads[i + axes.size()];
    for (const std::int64_t v : {before[axis], after[axis]}) {
      if (v < 0 || v > max_elements) fail("{}: pads hold {}; supported are 0 to {}", n.where(), v, max_elements);
    }
  }
  if (before[0] || after[0]) fail("{}: padding the batch is not supported", n.where());
  Attributes a;
  a.before.assign(before.begin() + 1, before.end());
  a.after.assign(after.begin() + 1, after.end());
  a.value = n.has_input(2) ? n.scalar(2, "value") : n.real("value", 0);
  if (!std::isfinite(a.value)) fail("{}: it pads with {}; only finite values are supported", n.where(), a.value);
  n.define(n.emit(Op::pad, {n.activation(0)}, a));
}

void lower_reduce_mean(const NodeReader& n) {
  const std::size_t rank = n.activation_shape(0).size();
  std::set<std::int64_t> axes;
  const auto given = n.attribute_or_input("axes", 1);
  if (given.empty() && n.flag("noop_with_empty_axes", false)) return n.define(n.activation(0));
  if (given.empty()) fail("{}: it reduces every axis; working along the batch is not supported", n.where());
  for (const std::int64_t axis : given) axes.insert(static_cast<std::int64_t>(n.image_axis(axis, rank)));
  Attributes a;
  a.axes.assign(axes.begin(), axes.end());
  a.keep_dims = n.flag("keepdims", true);
  n.define(n.emit(Op::reduce_mean, {n.activation(0)}, a));
}

void lower_reshape(const NodeReader& n) {
  const Shape in = n.activation_shape(0);
  const auto target = n.whole_numbers(1, "shape");
  const bool keep_zero = n.flag("allowzero", false);
  if (target.empty() || target.size() > max_rank) {
    fail("{}: a target of {} dimensions; supported are 1 (the batch) to {}", n.where(), target.size(), max_rank);
  }
  const bool open_batch = target[0] == -1;
  if (!(open_batch || (target[0] == 0 && !keep_zero) || target[0] == n.model.batch)) {
    fail("{}: its first target dimension is {}; it must keep the batch ({}, 0 or -1)", n.where(), target[0],
         n.model.batch);
  }
  const std::int64_t count = count_of(in);
  Shape out(target.begin() + 1, target.end());
  std::int64_t known = 1;
  auto open = out.end();
  for (auto d = out.begin(); d != out.end(); ++d) {
    const auto i = static_cast<std::size_t>(d - out.begin());
    if (*d == 0 && !keep_zero) {
      if (i >= in.size()) fail("{}: it copies dimension {}, which its input does not have", n.where(), i + 1);
      *d = in[i];
    }
    if (*d == -1) {
      if (open != out.end() || open_batch) fail("{}: more than one target dimension is -1", n.where());
      open = d;
    } else if (*d < 1 || *d > count || known > count / *d) {
      fail("{}: its target does not hold the {} elements of an image ({}), or mixes the batch with other dimensions",
           n.where(), count, to_string(in));
    } else {
      known *= *d;
    }
  }
  if (open != out.end()) {
    *open = count / known;
    known *= *open;
  }
  if (known != count) {
    fail("{}: its target does not hold the {} elements of an image ({}), or mixes the batch with other dimensions",
         n.where(), count, to_string(in));
  }
  n.define(n.reshape(n.activation(0), out));
}

void lower_flatten(const NodeReader& n) {
  const Shape& in = n.activation_shape(0);
  const std::int64_t axis = n.integer("axis", 1);
  if (axis != 1 && !(axis < 0 && axis == -static_cast<std::int64_t>(in.size()))) {
    fail("{}: axis = {} mixes the batch with other dimensions; 1 is supported", n.where(), axis);
  }
  n.define(n.reshape(n.activation(0), {count_of(in)}));
}

void lower_squeeze(const NodeReader& n) {
  const Shape in = n.activation_shape(0);
  std::set<std::size_t> axes;
  for (const std::int64_t axis : n.attribute_or_input("axes", 1)) axes.insert(n.image_axis(axis, in.size()));
  // The standard counts the batch among the axes of one, and every later axis from there on; behind the last node that
  // makes no difference.
  if (axes.empty() && !n.model.batch_free && n.model.batch == 1 && n.proto.output(0) != n.model.output) {
    fail("{}: without axes it also squeezes the batch, which is declared as 1; naming the axes is supported",
         n.where());
  }
  Shape out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool named = axes.contains(i);
    if (named && in[i] != 1)
      fail("{}: axis {} has {} elements; only axes of one are squeezed", n.where(), i + 1, in[i]);
    if (!(named || (axes.empty() && in[i] == 1))) out.push_back(in[i]);
  }
  n.define(n.reshape(n.activation(0), out));
}

void lower_unsqueeze(const NodeReader& n) {
  Shape out = n.activation_shape(0);
  const auto axes = n.attribute_or_input("axes", 1);
  if (axes.empty()) fail("{}: its axes are missing", n.where());
  const std::size_t rank = out.size() + axes.size();
  if (rank >= max_rank) fail("{}: a result of rank {}; at most {} is supported", n.where(), rank + 1, max_rank);
  std::set<std::size_t> sorted;
  for (const std::int64_t axis : axes) {
    if (!sorted.insert(n.image_axis(axis, rank)).second) fail("{}: axis {} is named twice", n.where(), axis);
  }
  for (const std::size_t axis : sorted) out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  n.define(n.reshape(n.activation(0), out));
}

void lower_transpose(const NodeReader& n) {
  const std::size_t rank = n.activation_shape(0).size();
  const auto permutation = n.integers("perm");
  if (permutation.size() != rank + 1 || permutation[0] != 0) {
    fail("{}: perm must have {} axes and begin with 0; moving the batch is not supported", n.where(), rank + 1);
  }
  Attributes a;
  std::set<std::size_t> seen;
  for (std::size_t i = 1; i < permutation.size(); ++i) {
    if (permutation[i] < 0) fail("{}: perm is not a permutation", n.where());
    a.axes.push_back(static_cast<std::int64_t>(n.image_axis(permutation[i], rank)));
    if (!seen.insert(static_cast<std::size_t>(a.axes.back())).second) fail("{}: perm is not a permutation", n.where());
  }
  n.define(n.emit(Op::transpose, {n.activation(0)}, a));
}

void lower_shape(const NodeReader& n) {
  Shape full = n.activation_shape(0);
  full.insert(full.begin(), n.model.batch);
  const auto rank = static_cast<std::int64_t>(full.size());
  const auto bound = [&](std::int64_t v) {
    return std::clamp<std::int64_t>(v < 0 ? std::max(v, -rank) + rank : v, 0, rank);
  };
  const std::int64_t start = bound(n.integer("start", 0)), end = std::max(start, bound(n.integer("end", rank)));
  Constant c;
  c.whole = true;
  c.wholes.assign(full.begin() + start, full.begin() + end);
  c.shape = {end - start};
  n.define(std::move(c));
}

}  // namespace bitsieve::importer
