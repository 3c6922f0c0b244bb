// Bit-Pragmatic (Albericio et al., MICRO 2017): a lane takes a cycle for each set bit of its activation. Lanes of a
// column shift together, by what one shifter of two bits behind a common one allows; columns wait for the slowest
// (as DNNsim's model with column registers off: tests against its cycles).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <numeric>

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
  // Cycles of every step of a pixel: filters do not matter.
  Patch patch(layer);
  std::vector<std::uint8_t> magnitudes(static_cast<std::size_t>(layer.depth()));
  const auto steps_of = [&](std::int64_t pixel, std::vector<std::int64_t>& durations) {
    durations.clear();
    for (std::int64_t group = 0; group < layer.groups; ++group) {
      patch.read(pixel, group, false);
      const std::vector<int>& values = patch.behind();
      std::transform(values.begin(), values.end(), magnitudes.begin(),
                     [](int x) { return static_cast<std::uint8_t>(std::abs(x)); });
      for_each_step(layer.depth(), layer.channels, p.lanes, [&](std::int64_t first, std::int64_t count) {
        durations.push_back(cycles_of_lanes(
            magnitudes.data() + first, count, [](std::int64_t, int, int) {}, [] {}));
      });
    }
  };
  const std::int64_t row_tiles = ceil_div(layer.filters_of_group(), p.rows);
  Timing timing;
  std::int64_t own = 0;
  std::vector<std::int64_t> durations, slowest;
  if (layer.pixels == 1 && layer.taps == 1 && layer.groups == 1) {
    steps_of(0, durations);
    own = std::accumulate(durations.begin(), durations.end(), std::int64_t{0});
    for (std::int64_t t = 0; t < row_tiles; ++t) slowest.insert(slowest.end(), durations.begin(), durations.end());
    timing.cycles = staggered(slowest, p.columns);
  } else {
    std::int64_t cycles = 0;
    for (std::int64_t first = 0; first < layer.pixels; first += p.columns) {
      slowest.clear();
      for (std::int64_t pixel = first; pixel < std::min(first + p.columns, layer.pixels); ++pixel) {
        steps_of(pixel, durations);
        own += std::accumulate(durations.begin(), durations.end(), std::int64_t{0});
        slowest.resize(durations.size(), 1);
        std::transform(durations.begin(), durations.end(), slowest.begin(), slowest.begin(),
                       [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
      }
      cycles += std::accumulate(slowest.begin(), slowest.end(), std::int64_t{0});
    }
    timing.cycles = cycles * row_tiles;
  }
  timing.busy = static_cast<double>(own) * static_cast<double>(layer.filters_of_group());
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

Output output_bit_pragmatic(const Operands& o, const Parameters& p) {
  std::vector<std::uint8_t> magnitudes;
  for (const int x : o.used) magnitudes.push_back(static_cast<std::uint8_t>(std::abs(x)));
  BitPragmaticElement element;
  std::vector<std::int8_t> above(static_cast<std::size_t>(p.lanes), std::int8_t{-1});
  std::int64_t cycles = 0;
  for_each_step(o.layer.depth(), o.layer.channels, p.lanes, [&](std::int64_t first, std::int64_t count) {
    int position = 0;
    const auto take = [&](std::int64_t lane, int bit, int common) {
      position = std::countr_zero(static_cast<unsigned>(common));
      above[static_cast<std::size_t>(lane)] =
          static_cast<std::int8_t>(std::countr_zero(static_cast<unsigned>(bit)) - position);
    };
    const auto done = [&] {
      // An element's signs are bits of a word: more lanes than that are several of them.
      for (std::int64_t part = 0; part < count; part += 32) {
        const auto from = static_cast<std::size_t>(part),
                   lanes = static_cast<std::size_t>(std::min<std::int64_t>(32, count - part));
        std::uint32_t negative = 0;
        for (std::size_t i = 0; i < lanes; ++i)
          negative |= std::uint32_t{o.used[static_cast<std::size_t>(first) + from + i] < 0} << i;
        element.cycle(o.weights.subspan(static_cast<std::size_t>(first) + from, lanes), {above.data() + from, lanes},
                      negative, position, false);
      }
      std::fill(above.begin(), above.end(), std::int8_t{-1});
    };
    cycles += cycles_of_lanes(magnitudes.data() + first, count, take, done);
  });
  return {element.sum, cycles};
}

}  // namespace bitsieve::accel
