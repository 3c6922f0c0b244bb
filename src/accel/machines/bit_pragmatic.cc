// Bit-Pragmatic (Albericio et al., MICRO 2017): a lane takes a cycle for each set bit of its activation. Lanes of a
// column shift together, by what one shifter of two bits behind a common one allows; columns wait for the slowest
// (as DNNsim's model with column registers off: tests against its cycles).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include "accel/elements/bit_pragmatic_element.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "accel/values.h"

namespace bitsieve::accel {
namespace {

// Cycles for lanes side by side: each takes its lowest set bit where that is within reach of the lowest of all.
// take(lane, bit, lowest of all): what a lane works on; done() after each cycle.
template <class Take, class Done>
int cycles_of_lanes(const std::uint8_t* magnitudes, std::int64_t count, const Take& take, const Done& done) {
  std::array<std::uint8_t, most_lanes> left{};
  int lowest_mask = 0, cycles = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    left[static_cast<std::size_t>(i)] = magnitudes[i];
    lowest_mask |= magnitudes[i];
  }
  while (lowest_mask != 0) {
    const int common = lowest_mask & -lowest_mask, within = common * ((1 << pragmatic_reach) - 1);
    lowest_mask = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      std::uint8_t& bits = left[static_cast<std::size_t>(i)];
      const int lowest = bits & -bits;
      if ((lowest & within) != 0) {
        bits = static_cast<std::uint8_t>(bits ^ lowest);
        take(i, lowest, common);
      }
      lowest_mask |= bits;
    }
    done();
    ++cycles;
  }
  return std::max(cycles, 1);
}

}  // namespace

Timing time_bit_pragmatic(const Layer& layer, const Parameters& p) {
  require_values(layer, p.name);
  const std::vector<std::uint8_t> values = input_magnitudes(layer);
  const std::int64_t steps = ceil_div(layer.channels, p.lanes), all = layer.channels * layer.groups;
  const std::int64_t positions = layer.image[0] * layer.image[1];
  // By position, group and step: taps and filters do not matter.
  std::vector<std::uint8_t> lanes(static_cast<std::size_t>(positions * layer.groups * steps));
  for (std::int64_t at = 0; at < positions; ++at) {
    for (std::int64_t group = 0; group < layer.groups; ++group) {
      for (std::int64_t s = 0; s < steps; ++s) {
        const std::uint8_t* first = values.data() + at * all + group * layer.channels + s * p.lanes;
        lanes[static_cast<std::size_t>((at * layer.groups + group) * steps + s)] =
            static_cast<std::uint8_t>(cycles_of_lanes(
                first, std::min(p.lanes, layer.channels - s * p.lanes), [](std::int64_t, int, int) {}, [] {}));
      }
    }
  }
  const std::int64_t row_tiles = ceil_div(layer.filters_of_group(), p.rows);
  Timing timing;
  if (layer.pixels == 1 && layer.taps == 1 && layer.groups == 1) {
    std::vector<std::int64_t> durations;
    for (std::int64_t t = 0; t < row_tiles; ++t) durations.insert(durations.end(), lanes.begin(), lanes.end());
    timing.cycles = staggered(durations, p.columns);
    for (const std::uint8_t d : lanes) timing.busy += static_cast<double>(d * layer.filters);
  } else {
    std::int64_t cycles = 0, own = 0;
    for (std::int64_t first = 0; first < layer.pixels; first += p.columns) {
      for (std::int64_t tap = 0; tap < layer.taps; ++tap) {
        for (std::int64_t g = 0; g < layer.groups * steps; ++g) {
          std::int64_t slowest = 1;
          for (std::int64_t pixel = first; pixel < std::min(first + p.columns, layer.pixels); ++pixel) {
            const std::int64_t at = position_of(layer, pixel, tap);
            const std::int64_t d = at < 0 ? 1 : lanes[static_cast<std::size_t>(at * layer.groups * steps + g)];
            slowest = std::max(slowest, d);
            own += d;
          }
          cycles += slowest;
        }
      }
    }
    timing.cycles = cycles * row_tiles;
    timing.busy = static_cast<double>(own) * static_cast<double>(layer.filters_of_group());
  }
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.rows * p.columns);
  const auto n = static_cast<double>(p.lanes);
  timing.counts[fmt::format("element-bit-pragmatic-{}", p.lanes)] += timing.busy;
  timing.counts["shift-16"] += timing.busy * n;
  timing.counts["add-16"] += timing.busy * (n - 1);
  timing.counts["shift-32"] += timing.busy;
  timing.counts["add-32"] += timing.busy;
  count_tiles(layer, p, timing.counts);
  return timing;
}

std::int32_t sum_bit_pragmatic(const Operands& o, const Parameters& p) {
  constexpr std::int64_t most = 32;  // signs of an element are bits of a word
  const std::int64_t channels = o.layer.channels, lanes = std::min(p.lanes, most);
  std::vector<std::uint8_t> magnitudes;
  for (const int x : o.used) magnitudes.push_back(static_cast<std::uint8_t>(std::abs(x)));
  BitPragmaticElement element;
  for (std::int64_t tap = 0; tap < o.layer.taps; ++tap) {
    for (std::int64_t c = 0; c < channels; c += lanes) {
      const std::int64_t first = tap * channels + c, count = std::min(lanes, channels - c);
      const auto of_weights = o.weights.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
      std::uint32_t negative = 0;
      for (std::int64_t i = 0; i < count; ++i)
        negative |= std::uint32_t{o.used[static_cast<std::size_t>(first + i)] < 0} << i;
      std::array<std::int8_t, most> above{};
      above.fill(-1);
      int position = 0;
      cycles_of_lanes(
          magnitudes.data() + first, count,
          [&](std::int64_t lane, int bit, int common) {
            position = std::countr_zero(static_cast<unsigned>(common));
            above[static_cast<std::size_t>(lane)] =
                static_cast<std::int8_t>(std::countr_zero(static_cast<unsigned>(bit)) - position);
          },
          [&] {
            element.cycle(of_weights, {above.data(), static_cast<std::size_t>(count)}, negative, position, false);
            above.fill(-1);
          });
    }
  }
  return element.sum;
}

}  // namespace bitsieve::accel
