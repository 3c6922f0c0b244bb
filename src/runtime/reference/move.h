// Operators that only move elements: one template for float and 8-bit values.
#pragma once
#include <span>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"
#include "runtime/layout.h"

namespace bitsieve::reference {

// concat, slice, pad, reshape, transpose. `convert(input index, element)` maps each element (concat of different
// scales); `fill` is the value of padding.
template <class T, class Convert>
void move_data(const Graph& graph, const Node& node, std::span<const T* const> in, T* y, T fill, Convert convert) {
  const Shape& out = graph.shape(node.output);
  const Shape& shape = graph.shape(node.inputs[0]);
  const std::vector<std::int64_t> to = storage_strides(out), from = storage_strides(shape);
  const Attributes& a = node.attributes;
  switch (node.op) {
    case Op::reshape: {
      std::vector<T> values(static_cast<std::size_t>(element_count(out)));
      for_each_offset(shape, from,
                      [&](std::int64_t i, std::int64_t at) { values[static_cast<std::size_t>(i)] = in[0][at]; });
      for_each_offset(
          out, to, [&](std::int64_t i, std::int64_t at) { y[at] = convert(0, values[static_cast<std::size_t>(i)]); });
      return;
    }
    case Op::transpose: {
      std::vector<std::int64_t> source(out.size());
      for (std::size_t i = 0; i < out.size(); ++i) source[i] = from[static_cast<std::size_t>(a.axes[i])];
      std::vector<T> values(static_cast<std::size_t>(element_count(out)));
      for_each_offset(out, source,
                      [&](std::int64_t i, std::int64_t at) { values[static_cast<std::size_t>(i)] = in[0][at]; });
      for_each_offset(
          out, to, [&](std::int64_t i, std::int64_t at) { y[at] = convert(0, values[static_cast<std::size_t>(i)]); });
      return;
    }
    case Op::slice: {
      std::vector<std::int64_t> source(out.size());
      std::int64_t start = 0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        source[i] = from[i] * a.steps[i];
        start += from[i] * a.starts[i];
      }
      std::vector<T> values(static_cast<std::size_t>(element_count(out)));
      for_each_offset(out, source, [&](std::int64_t i, std::int64_t at) {
        values[static_cast<std::size_t>(i)] = in[0][start + at];
      });
      for_each_offset(
          out, to, [&](std::int64_t i, std::int64_t at) { y[at] = convert(0, values[static_cast<std::size_t>(i)]); });
      return;
    }
    case Op::pad:
    case Op::concat: {
      if (node.op == Op::pad) std::fill(y, y + element_count(out), fill);
      std::int64_t along = 0;
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const Shape& part = graph.shape(node.inputs[k]);
        std::int64_t start = 0;
        for (std::size_t i = 0; i < part.size(); ++i) {
          if (node.op == Op::pad) start += a.before[i] * to[i];
        }
        if (node.op == Op::concat) start = along * to[static_cast<std::size_t>(a.axis)];
        std::vector<T> values(static_cast<std::size_t>(element_count(part)));
        for_each_offset(part, storage_strides(part),
                        [&](std::int64_t i, std::int64_t at) { values[static_cast<std::size_t>(i)] = in[k][at]; });
        for_each_offset(part, to, [&](std::int64_t i, std::int64_t at) {
          y[start + at] = convert(static_cast<int>(k), values[static_cast<std::size_t>(i)]);
        });
        if (node.op == Op::concat) along += part[static_cast<std::size_t>(a.axis)];
      }
      return;
    }
    default:
      fail("node '{}': {} does not move data", node.name, op_name(node.op));
  }
}

}  // namespace bitsieve::reference
