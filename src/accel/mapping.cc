#include "accel/mapping.h"

#include <algorithm>

#include "accel/values.h"

namespace bitsieve::accel {

std::int64_t lane_groups(const Layer& layer, std::int64_t lanes) {
  // Of a depthwise filter taps are side by side (specification of SWIS, C.4).
  return layer.channels == 1 ? ceil_div(layer.taps, lanes) : layer.taps * ceil_div(layer.channels, lanes);
}

namespace {

// time(start, block) fills in cycles and work of the filters from `start` on.
template <class Time>
std::vector<Block> cut(const Layer& layer, const Parameters& p, const Time& time) {
  const bool separate = layer.depthwise() && p.depthwise == Depthwise::separate;
  const std::int64_t together = separate ? layer.filters : layer.filters_of_group();
  const std::int64_t side_by_side =
      p.columns * (layer.pixels == 1 && p.vectors == Vectors::array ? p.rows : std::int64_t{1});
  std::vector<Block> blocks;
  for (std::int64_t first = 0; first < layer.filters; first += together) {
    for (std::int64_t start = first; start < first + together; start += side_by_side) {
      Block block;
      block.filters = std::min(side_by_side, first + together - start);
      time(start, block);
      blocks.push_back(block);
    }
  }
  return blocks;
}

}  // namespace

std::vector<Block> column_blocks(const Layer& layer, const Parameters& parameters,
                                 const std::vector<std::int64_t>& cycles_of_filter) {
  return cut(layer, parameters, [&](std::int64_t start, Block& block) {
    for (std::int64_t i = start; i < start + block.filters; ++i) {
      const std::int64_t own = cycles_of_filter[static_cast<std::size_t>(i)];
      block.cycles = std::max(block.cycles, own);
      block.work += own;
    }
  });
}

std::vector<Block> stepwise_blocks(const Layer& layer, const Parameters& parameters,
                                   const std::vector<std::uint8_t>& cycles, std::int64_t steps) {
  return cut(layer, parameters, [&](std::int64_t start, Block& block) {
    for (std::int64_t s = 0; s < steps; ++s) {
      std::int64_t slowest = 0;
      for (std::int64_t i = start; i < start + block.filters; ++i) {
        const std::int64_t own = cycles[static_cast<std::size_t>(i * steps + s)];
        slowest = std::max(slowest, own);
        block.work += own;
      }
      block.cycles += slowest;
    }
  });
}

std::vector<Block> column_blocks(const Layer& layer, const Parameters& parameters, std::int64_t cycles) {
  return column_blocks(layer, parameters, std::vector<std::int64_t>(static_cast<std::size_t>(layer.filters), cycles));
}

Timing output_stationary(const Layer& layer, const Parameters& p, const std::vector<Block>& blocks) {
  Timing timing;
  const std::int64_t tiles = ceil_div(layer.pixels, p.rows), last_rows = layer.pixels - (tiles - 1) * p.rows;
  for (const Block& block : blocks) {
    timing.busy += static_cast<double>(layer.pixels) * static_cast<double>(block.work);
    // Sums leave through one port a column, so that tiles cannot follow each other faster than rows do (rtl/ counts the
    // same).
    timing.cycles += tiles * (p.drain == Drain::overlapped ? std::max(block.cycles, p.rows) : block.cycles);
    if (p.drain == Drain::overlapped) continue;
    const bool exact = p.partial == Partial::exact;
    const auto around = [&](std::int64_t rows) {
      const bool all = block.filters > p.columns;  // Vectors::array
      const std::int64_t r = exact && !all ? rows : p.rows, c = exact && !all ? block.filters : p.columns;
      return r + c - 2 + (p.drain == Drain::serial ? r : 0);
    };
    timing.cycles += (tiles - 1) * around(p.rows) + around(last_rows);
  }
  if (p.drain == Drain::overlapped) timing.cycles += p.rows + p.columns - 2;
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.rows * p.columns);
  return timing;
}

std::int64_t streams(const Layer& layer, const Parameters& p, std::int64_t blocks) {
  return layer.depthwise() && p.depthwise == Depthwise::separate ? layer.filters : blocks;
}

void count_streams(const Layer& layer, const Parameters& p, const std::vector<Block>& blocks, double activation_bits,
                   double weight_bits_of_layer, Counts& counts) {
  const auto times = static_cast<double>(streams(layer, p, static_cast<std::int64_t>(blocks.size())));
  counts["activation-buffer-bit"] += static_cast<double>(layer.pixels * layer.depth()) * times * activation_bits;
  counts["weight-buffer-bit"] += weight_bits_of_layer * static_cast<double>(ceil_div(layer.pixels, p.rows));
  counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
}

void count_tiles(const Layer& layer, const Parameters& p, Counts& counts) {
  // Each operand that is there once for every tile of the other; lanes that are filled up read nothing.
  const double bits = 8.0 * static_cast<double>(layer.depth());
  counts["activation-buffer-bit"] +=
      bits * static_cast<double>(layer.pixels * layer.groups * ceil_div(layer.filters_of_group(), p.rows));
  counts["weight-buffer-bit"] += bits * static_cast<double>(layer.filters * ceil_div(layer.pixels, p.columns));
  counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
}

Timing time_steps(const Layer& layer, const Parameters& p, std::int64_t duration) {
  const std::int64_t tiles =
      ceil_div(layer.pixels, p.columns) * ceil_div(layer.filters_of_group(), p.rows) * layer.groups;
  const std::int64_t steps = layer.taps * ceil_div(layer.channels, p.lanes), of_unit = ceil_div(tiles, p.units);
  const bool vector = layer.pixels == 1 && layer.taps == 1 && layer.groups == 1;
  Timing timing;
  timing.cycles = vector ? staggered(of_unit * steps, duration, p.columns) : of_unit * steps * duration;
  timing.busy = static_cast<double>(layer.pixels * layer.filters) * static_cast<double>(steps * duration);
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.units * p.rows * p.columns);
  return timing;
}

}  // namespace bitsieve::accel
