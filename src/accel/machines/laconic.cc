// Laconic (Sharify et al., ISCA 2019): a lane takes a cycle for each pair of a set bit of its activation and one of its
// weight, and everything waits for the slowest lane (as DNNsim's model: tests against its cycles).
#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "accel/values.h"

namespace bitsieve::accel {
namespace {

std::uint8_t set_bits(int magnitude) {
  return static_cast<std::uint8_t>(std::popcount(static_cast<unsigned>(magnitude)));
}

// Of all elements together: each works until its own slowest lane is done, at least a cycle a step. bits_of(pixel,
// group): set bits of a patch.
template <class Bits>
double element_cycles(const Layer& layer, const Parameters& p, const Bits& bits_of) {
  const std::int64_t of_group = layer.filters_of_group(), depth = layer.depth();
  // Filters side by side, so that the compiler works on many at a time: [group][tap][channel][filter].
  std::vector<std::uint16_t> weights(layer.weights.size());
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    for (std::int64_t k = 0; k < depth; ++k)
      weights[static_cast<std::size_t>((f / of_group * depth + k) * of_group + f % of_group)] =
          set_bits(std::abs(static_cast<int>(layer.weights[static_cast<std::size_t>(f * depth + k)])));
  }
  std::vector<std::uint16_t> slowest(static_cast<std::size_t>(of_group));
  double sum = 0;
  for (std::int64_t pixel = 0; pixel < layer.pixels; ++pixel) {
    for (std::int64_t g = 0; g < layer.groups; ++g) {
      const std::uint8_t* const values = bits_of(pixel, g);
      for_each_step(depth, layer.channels, p.lanes, [&](std::int64_t first, std::int64_t count) {
        std::fill(slowest.begin(), slowest.end(), std::uint16_t{1});
        for (std::int64_t k = first; k < first + count; ++k) {
          const std::uint16_t bits = values[k];
          if (bits == 0) continue;
          const std::uint16_t* const w = weights.data() + (g * depth + k) * of_group;
          for (std::size_t f = 0; f < slowest.size(); ++f)
            slowest[f] = std::max(slowest[f], static_cast<std::uint16_t>(bits * w[f]));
        }
        std::int64_t step = 0;
        for (const std::uint16_t v : slowest) step += v;
        sum += static_cast<double>(step);
      });
    }
  }
  return sum;
}

}  // namespace

Timing time_laconic(const Layer& layer, const Parameters& p) {
  require_values(layer, p.name);
  Patch patch(layer);
  std::vector<std::uint8_t> set(static_cast<std::size_t>(layer.depth()));
  const auto bits_of = [&](std::int64_t pixel, std::int64_t group) {
    patch.read(pixel, group, false);
    const std::vector<int>& values = patch.behind();
    std::transform(values.begin(), values.end(), set.begin(), [](int x) { return set_bits(std::abs(x)); });
    return set.data();
  };
  const std::int64_t of_group = layer.filters_of_group();
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
    const std::uint8_t* const values = bits_of(0, 0);
    std::vector<std::int64_t> durations;
    for (std::int64_t t = 0; t < row_tiles; ++t) {
      for (std::int64_t s = 0; s < steps; ++s)
        durations.push_back(step(values + s * p.lanes, most.data() + t * depth + s * p.lanes,
                                 std::min(p.lanes, layer.channels - s * p.lanes)));
    }
    timing.cycles = staggered(durations, p.columns);
  } else {
    std::vector<std::uint8_t> slowest(static_cast<std::size_t>(depth));
    for (std::int64_t first = 0; first < layer.pixels; first += p.columns) {
      for (std::int64_t g = 0; g < layer.groups; ++g) {
        std::fill(slowest.begin(), slowest.end(), std::uint8_t{0});
        for (std::int64_t pixel = first; pixel < std::min(first + p.columns, layer.pixels); ++pixel) {
          const std::uint8_t* const values = bits_of(pixel, g);
          for (std::int64_t k = 0; k < depth; ++k)
            slowest[static_cast<std::size_t>(k)] = std::max(slowest[static_cast<std::size_t>(k)], values[k]);
        }
        for (std::int64_t t = 0; t < row_tiles; ++t) {
          const std::uint8_t* const weights = most.data() + (g * row_tiles + t) * depth;
          for_each_step(depth, layer.channels, p.lanes, [&](std::int64_t k, std::int64_t count) {
            timing.cycles += step(slowest.data() + k, weights + k, count);
          });
        }
      }
    }
  }
  timing.busy = element_cycles(layer, p, bits_of);
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.rows * p.columns);
  // Exponents are added, decoded and summed over the lanes.
  const auto lanes = static_cast<double>(p.lanes);
  timing.counts["shift-16"] += timing.busy * lanes;
  timing.counts["add-16"] += timing.busy * (lanes - 1);
  timing.counts["add-32"] += timing.busy;
  count_tiles(layer, p, timing.counts);
  return timing;
}

// Terms of a step are counted by their exponent, and the counts added where they belong.
Output output_laconic(const Operands& o, const Parameters& p) {
  Output output;
  for_each_step(o.layer.depth(), o.layer.channels, p.lanes, [&](std::int64_t first, std::int64_t count) {
    std::array<std::int32_t, 16> terms{};
    std::int64_t slowest = 1;
    for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(first + count); ++k) {
      const int sign = (o.used[k] < 0) != (o.weights[k] < 0) ? -1 : 1;
      std::int64_t pairs = 0;
      for (auto x = static_cast<unsigned>(std::abs(o.used[k])); x != 0; x &= x - 1) {
        for (auto w = static_cast<unsigned>(std::abs(static_cast<int>(o.weights[k]))); w != 0; w &= w - 1, ++pairs)
          terms[static_cast<std::size_t>(std::countr_zero(x) + std::countr_zero(w))] += sign;
      }
      slowest = std::max(slowest, pairs);
    }
    for (std::size_t e = 0; e < terms.size(); ++e) output.sum += terms[e] * (1 << e);
    output.cycles += slowest;
  });
  return output;
}

}  // namespace bitsieve::accel
