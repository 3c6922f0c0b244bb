// A broadcast operand seen along the rows of the output's memory.
#pragma once
#include <vector>

#include "runtime/layout.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {

// The output lies in memory as rows() rows of `columns` values: pixels of channels (rank 3), else rows of the last
// axis.
struct OutputRows {
  explicit OutputRows(const Shape& shape);
  std::int64_t rows = 1, columns = 1;
};

// Value (row, column) of an operand lies at row * row_step + column * column_step.
struct Operand {
  std::int64_t row_step = 0, column_step = 0;  // column_step: 0 or 1
  bool is_full(const OutputRows& out) const { return column_step == 1 && (row_step == out.columns || out.rows == 1); }
};

// False when an operand with these distances along the logical axes of `out` cannot be seen so.
bool describe_operand(const Shape& out, const std::vector<std::int64_t>& strides, Operand& operand);

// `values` of a constant laid out so that `operand` describes it: as they are, or broadcast to the whole output.
template <class T>
std::vector<T> stored_constant(const Shape& own, const Shape& out, const std::vector<T>& values, Operand& operand) {
  const std::vector<std::int64_t> strides = logical_strides(own, out);
  if (describe_operand(out, strides, operand)) return values;
  std::vector<T> logical(static_cast<std::size_t>(element_count(out))), stored(logical.size());
  for_each_offset(out, strides, [&](std::int64_t i, std::int64_t at) {
    logical[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(at)];
  });
  for_each_offset(out, storage_strides(out), [&](std::int64_t i, std::int64_t at) {
    stored[static_cast<std::size_t>(at)] = logical[static_cast<std::size_t>(i)];
  });
  operand = {OutputRows(out).columns, 1};
  return stored;
}

}  // namespace bitsieve::steps
