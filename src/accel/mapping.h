// Layers on arrays: tiles, and what they take.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "accel/machine.h"

namespace bitsieve::accel {

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Products of a filter in steps of `lanes`: the channels of each tap, or the taps of a single channel, the last step
// filled with zeros.
std::int64_t lane_groups(const Layer& layer, std::int64_t lanes);

// Calls visit(first, count) for each of these steps, in K order; `run` positions are cut into steps together.
template <class Visit>
void for_each_step(std::int64_t depth, std::int64_t run, std::int64_t lanes, const Visit& visit) {
  for (std::int64_t start = 0; start < depth; start += run) {
    for (std::int64_t k = start; k < start + run; k += lanes) visit(k, std::min(lanes, start + run - k));
  }
}
// Of the layer: the channels of a tap, or the taps of a single channel.
inline std::int64_t run_of_lanes(const Layer& layer) { return layer.channels == 1 ? layer.taps : layer.channels; }

// Filters that run side by side, one a column. They wait for the slowest one: an activation leaves a processing element
// when it is done with it (specification of SWIS, C.4).
struct Block {
  std::int64_t filters = 0;
  std::int64_t cycles = 0;  // an output takes, of the slowest filter
  std::int64_t work = 0;    // sum of what the filters take themselves
};

// Filters in the order in which they run; of a grouped convolution those of a block are of one group, but for
// Depthwise::separate. With Vectors::array a layer of one pixel has a block of all elements.
std::vector<Block> column_blocks(const Layer& layer, const Parameters& parameters,
                                 const std::vector<std::int64_t>& cycles_of_filter);
// Where all filters take the same.
std::vector<Block> column_blocks(const Layer& layer, const Parameters& parameters, std::int64_t cycles);
// Where filters wait for each other at every step: cycles are [filter][steps].
std::vector<Block> stepwise_blocks(const Layer& layer, const Parameters& parameters,
                                   const std::vector<std::uint8_t>& cycles, std::int64_t steps);

// Rows are output pixels and columns filters; sums stay where they are (specifications of SPARQ, D.4, and of SWIS,
// C.4). Counts nothing.
Timing output_stationary(const Layer& layer, const Parameters& parameters, const std::vector<Block>& blocks);

// How often a layer's activations are read: once for each of so many blocks of filters, or for every filter of a
// depthwise layer whose columns have activations of their own.
std::int64_t streams(const Layer& layer, const Parameters& parameters, std::int64_t blocks);

// What streams out of the buffers meanwhile: activations once for each block, weights once for each tile of rows.
void count_streams(const Layer& layer, const Parameters& parameters, const std::vector<Block>& blocks,
                   double activation_bits, double weight_bits_of_layer, Counts& counts);

// The same where rows are filters and columns pixels, which share a step of `lanes` products.
void count_tiles(const Layer& layer, const Parameters& parameters, Counts& counts);

// Rows are filters and columns pixels, and a step of `lanes` channels takes all elements so many cycles, whatever the
// values: tap by tap, so that of a depthwise layer one lane works. Counts nothing.
Timing time_steps(const Layer& layer, const Parameters& parameters, std::int64_t duration);

}  // namespace bitsieve::accel
