// Laconic (Sharify et al., ISCA 2019): a lane takes a cycle for each pair of a set bit of its activation and one of its
// weight, and everything waits for the slowest lane (as DNNsim's model: tests against its cycles).
#include <algorithm>
#include <bit>

#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "accel/values.h"

namespace bitsieve::accel {
namespace {

std::uint8_t set_bits(int magnitude) {
  return static_cast<std::uint8_t>(std::popcount(static_cast<unsigned>(magnitude)));
}

}  // namespace

Timing time_laconic(const Layer& layer, const Parameters& p) {
  require_values(layer, p.name);
  std::vector<std::uint8_t> values = input_magnitudes(layer);
  for (std::uint8_t& v : values) v = set_bits(v);
  const std::int64_t all = layer.channels * layer.groups, of_group = layer.filters_of_group();
  const std::int64_t row_tiles = ceil_div(of_group, p.rows), depth = layer.depth();
  // The slowest pair of a lane is that of the most set bits on either side. By group, tile of filters, tap and channel:
  std::vector<std::uint8_t> most(static_cast<std::size_t>(layer.groups * row_tiles * depth), 0);
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    std::uint8_t* const tile = most.data() + (f / of_group * row_tiles + f % of_group / p.rows) * depth;
    for (std::int64_t k = 0; k < depth; ++k)
      tile[k] = std::max(tile[k],
                         set_bits(std::abs(static_cast<int>(layer.weights[static_cast<std::size_t>(f * depth + k)]))));
  }
  const std::int64_t steps = ceil_div(layer.channels, p.lanes);
  const auto step = [&](const std::uint8_t* slowest_values, const std::uint8_t* weights, std::int64_t count) {
    int cycles = 1;
    for (std::int64_t l = 0; l < count; ++l) cycles = std::max(cycles, slowest_values[l] * weights[l]);
    return cycles;
  };
  Timing timing;
  if (layer.pixels == 1 && layer.taps == 1 && layer.groups == 1) {
    std::vector<std::int64_t> durations;
    for (std::int64_t t = 0; t < row_tiles; ++t) {
      for (std::int64_t s = 0; s < steps; ++s)
        durations.push_back(step(values.data() + s * p.lanes, most.data() + t * depth + s * p.lanes,
                                 std::min(p.lanes, layer.channels - s * p.lanes)));
    }
    timing.cycles = staggered(durations, p.columns);
  } else {
    std::vector<std::uint8_t> slowest(static_cast<std::size_t>(all));
    for (std::int64_t first = 0; first < layer.pixels; first += p.columns) {
      for (std::int64_t tap = 0; tap < layer.taps; ++tap) {
        std::fill(slowest.begin(), slowest.end(), 0);
        for (std::int64_t pixel = first; pixel < std::min(first + p.columns, layer.pixels); ++pixel) {
          const std::int64_t at = position_of(layer, pixel, tap);
          if (at < 0) continue;
          for (std::int64_t c = 0; c < all; ++c)
            slowest[static_cast<std::size_t>(c)] =
                std::max(slowest[static_cast<std::size_t>(c)], values[static_cast<std::size_t>(at * all + c)]);
        }
        for (std::int64_t g = 0; g < layer.groups; ++g) {
          for (std::int64_t t = 0; t < row_tiles; ++t) {
            const std::uint8_t* weights = most.data() + (g * row_tiles + t) * depth + tap * layer.channels;
            for (std::int64_t s = 0; s < steps; ++s)
              timing.cycles += step(slowest.data() + g * layer.channels + s * p.lanes, weights + s * p.lanes,
                                    std::min(p.lanes, layer.channels - s * p.lanes));
          }
        }
      }
    }
  }
  // Work: a cycle for each pair of set bits, in the lane that has it.
  double pairs = 0;
  std::vector<double> bits_of_weights(static_cast<std::size_t>(layer.groups * depth), 0);
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    for (std::int64_t k = 0; k < depth; ++k)
      bits_of_weights[static_cast<std::size_t>(f / of_group * depth + k)] +=
          set_bits(std::abs(static_cast<int>(layer.weights[static_cast<std::size_t>(f * depth + k)])));
  }
  for (std::int64_t pixel = 0; pixel < layer.pixels; ++pixel) {
    for (std::int64_t tap = 0; tap < layer.taps; ++tap) {
      const std::int64_t at = position_of(layer, pixel, tap);
      for (std::int64_t c = 0; at >= 0 && c < all; ++c)
        pairs += values[static_cast<std::size_t>(at * all + c)] *
                 bits_of_weights[static_cast<std::size_t>(c / layer.channels * depth + tap * layer.channels +
                                                          c % layer.channels)];
    }
  }
  const auto lanes = static_cast<double>(p.lanes);
  timing.busy = pairs / lanes;
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.rows * p.columns);
  timing.counts["shift-16"] += pairs;
  timing.counts["add-32"] += pairs;
  count_tiles(layer, p, timing.counts);
  return timing;
}

}  // namespace bitsieve::accel
