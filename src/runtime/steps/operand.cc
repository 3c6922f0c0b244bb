#include "runtime/steps/operand.h"

namespace bitsieve::steps {
namespace {

// Logical axes in the order of memory, the innermost last.
std::vector<std::size_t> memory_order(std::size_t rank) {
  if (rank == 3) return {1, 2, 0};
  std::vector<std::size_t> axes(rank);
  for (std::size_t i = 0; i < rank; ++i) axes[i] = i;
  return axes;
}

}  // namespace

OutputRows::OutputRows(const Shape& shape) {
  if (shape.empty()) return;
  columns = shape.size() == 3 ? shape[0] : shape.back();
  rows = columns == 0 ? 0 : element_count(shape) / columns;
}

bool describe_operand(const Shape& out, const std::vector<std::int64_t>& strides, Operand& operand) {
  operand = {};
  const std::vector<std::size_t> axes = memory_order(out.size());
  if (axes.empty()) return true;
  operand.column_step = out[axes.back()] == 1 ? 0 : strides[axes.back()];
  if (operand.column_step != 0 && operand.column_step != 1) return false;
  std::int64_t rows = 1;
  for (std::size_t i = axes.size() - 1; i-- > 0;) {
    const std::int64_t extent = out[axes[i]], stride = strides[axes[i]];
    if (extent == 1) continue;
    if (rows == 1) {
      operand.row_step = stride;
    } else if (stride != operand.row_step * rows) {
      return false;
    }
    rows *= extent;
  }
  return true;
}

}  // namespace bitsieve::steps
