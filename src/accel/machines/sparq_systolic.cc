// SPARQ's processing element takes two windows with their weights each cycle, or both halves of one 8-bit value
// (specification of SPARQ, D.1 and D.4): layers that are read as plain 8 bits run at half the speed, exactly.
#include <fmt/format.h>

#include "accel/machines/pairs.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {

Timing time_sparq_systolic(const Layer& layer, const Parameters& p) {
  element_for(layer, p);
  const bool windows = layer.narrow();
  const std::vector<Block> blocks = column_blocks(layer, p, windows ? ceil_div(layer.depth(), 2) : layer.depth());
  Timing timing = output_stationary(layer, p, blocks);
  // Each cycle both halves work, whatever they hold.
  const double cycles = timing.busy;
  timing.counts["mul-4x8"] += 2 * cycles;
  timing.counts["shift-16"] += 2 * cycles;
  timing.counts["add-16"] += cycles;
  timing.counts["add-32"] += cycles;
  timing.counts[fmt::format("element-sparq-{}", to_string(p.windows))] += cycles;
  // A unit stands before each row and cuts a pair a cycle, or halves one value, for all filters of a block.
  const std::int64_t pairs = windows ? ceil_div(layer.depth(), 2) : layer.depth();
  timing.counts[fmt::format("element-trim-round-{}", to_string(p.windows))] +=
      static_cast<double>(layer.pixels * streams(layer, p, static_cast<std::int64_t>(blocks.size())) * pairs);
  // The trim-and-round unit stands between the buffer, which holds 8 bits, and the array.
  count_streams(layer, p, blocks, 8, 8.0 * static_cast<double>(layer.filters * layer.depth()), timing.counts);
  return timing;
}

Output output_sparq_systolic(const Operands& o, const Parameters&) {
  SparqElement element;
  std::int64_t cycles = 0;
  for (const Pair& pair : pairs_of(o)) element.cycle(pair.lanes, pair.w1, pair.w2, cycles++ == 0);
  return {element.sum, cycles};
}

}  // namespace bitsieve::accel
