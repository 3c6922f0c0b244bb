// The 8-bit systolic array in its three dataflows, as SCALE-Sim counts it (its closed forms were checked against all of
// its reports: goldens_test.cc).
#include <algorithm>

#include "accel/elements/systolic_element.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {
namespace {

void count_products(const Layer& layer, Counts& counts) {
  counts["mul-8x8"] += static_cast<double>(layer.macs());
  counts["add-32"] += static_cast<double>(layer.macs());
}

// Operand A (across, `down` x `across` of it) stays, `through` vectors of the other one pass by and partial sums leave
// below: 2 R + C + T - 2 cycles a fold.
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

}  // namespace

Timing time_systolic_os(const Layer& layer, const Parameters& p) {
  const std::vector<Block> blocks = column_blocks(layer, p, layer.depth());
  Timing timing = output_stationary(layer, p, blocks);
  count_products(layer, timing.counts);
  timing.counts["element-systolic"] += timing.busy;
  count_streams(layer, p, blocks, 8, 8.0 * static_cast<double>(layer.filters * layer.depth()), timing.counts);
  return timing;
}

Timing time_systolic_ws(const Layer& layer, const Parameters& p) {
  Timing timing = stationary_operand(layer, p, layer.depth(), layer.filters_of_group(), layer.pixels, layer.groups);
  timing.counts["weight-buffer-bit"] += 8.0 * static_cast<double>(layer.filters * layer.depth());
  timing.counts["activation-buffer-bit"] += 8.0 * static_cast<double>(layer.pixels * layer.depth() * layer.groups *
                                                                      ceil_div(layer.filters_of_group(), p.columns));
  return timing;
}

Timing time_systolic_is(const Layer& layer, const Parameters& p) {
  Timing timing = stationary_operand(layer, p, layer.depth(), layer.pixels, layer.filters_of_group(), layer.groups);
  timing.counts["weight-buffer-bit"] +=
      8.0 * static_cast<double>(layer.filters * layer.depth() * ceil_div(layer.pixels, p.columns));
  timing.counts["activation-buffer-bit"] += 8.0 * static_cast<double>(layer.pixels * layer.depth() * layer.groups);
  return timing;
}

Output output_systolic_os(const Operands& o, const Parameters&) {
  SystolicElement element;
  for (std::size_t k = 0; k < o.used.size(); ++k) element.cycle(o.used[k], o.weights[k], k == 0);
  return {element.sum, static_cast<std::int64_t>(o.used.size())};
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
