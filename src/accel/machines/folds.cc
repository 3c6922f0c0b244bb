#include "accel/machines/folds.h"

#include <algorithm>

namespace bitsieve::accel {

void count_products(const Layer& layer, Counts& counts) {
  counts["mul-8x8"] += static_cast<double>(layer.macs());
  counts["add-32"] += static_cast<double>(layer.macs());
}

Timing stationary_operand(const Layer& layer, const Parameters& p, std::int64_t down, std::int64_t across,
                          std::int64_t through, std::int64_t times) {
  Timing timing;
  const std::int64_t fold_rows = ceil_div(down, p.rows), fold_columns = ceil_div(across, p.columns);
  // Folds are whole but for the last row and the last column of them.
  const bool exact = p.partial == Partial::exact;
  const std::int64_t last_rows = exact ? down - (fold_rows - 1) * p.rows : p.rows,
                     last_columns = exact ? across - (fold_columns - 1) * p.columns : p.columns;
  timing.cycles = fold_rows * fold_columns * (through - 2) + fold_columns * 2 * ((fold_rows - 1) * p.rows + last_rows) +
                  fold_rows * ((fold_columns - 1) * p.columns + last_columns);
  timing.cycles *= times;
  timing.busy = static_cast<double>(layer.macs());
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.rows * p.columns);
  count_products(layer, timing.counts);
  // Sums that are not complete go to a buffer and back.
  const double sums = static_cast<double>(layer.output_values) * 32;
  timing.counts["activation-buffer-write-bit"] +=
      8.0 * static_cast<double>(layer.output_values) + sums * static_cast<double>(fold_rows - 1);
  timing.counts["activation-buffer-bit"] += sums * static_cast<double>(fold_rows - 1);
  return timing;
}

// Sums go down the rows of a fold and wait in a buffer for the next one.
Output output_systolic_folds(const Operands& o, const Parameters& p) {
  const auto rows = static_cast<std::size_t>(p.rows);
  std::int32_t buffered = 0;
  for (std::size_t first = 0; first < o.used.size(); first += rows) {
    std::int32_t passing = buffered;
    for (std::size_t k = first; k < std::min(first + rows, o.used.size()); ++k) passing += o.used[k] * o.weights[k];
    buffered = passing;
  }
  return {buffered, static_cast<std::int64_t>(o.used.size())};
}

}  // namespace bitsieve::accel
