// Arrays in gates beside the simulator: the same sums to the last bit and the same number of cycles, for all sizes and
// drain modes, and layers that leave tiles at the edge.
#include <gtest/gtest.h>

#include <cstdio>

#include "accel/elements/sparq_element.h"
#include "base/random.h"
#include "rtl_link/array_layers.h"

namespace bitsieve::rtl {
namespace {

accel::Layer layer_of(const Product& p) {
  accel::Layer layer;
  layer.pixels = p.pixels;
  layer.filters = p.filters;
  layer.channels = p.depth;
  return layer;
}

accel::Parameters parameters_of(const Form& form, accel::Drain drain) {
  accel::Parameters parameters;
  parameters.rows = form.rows;
  parameters.columns = form.columns;
  parameters.drain = drain;
  return parameters;
}

// What the simulator says.
std::int64_t simulated(const Product& p, const Form& form, std::int64_t steps, accel::Drain drain) {
  const accel::Layer layer = layer_of(p);
  const accel::Parameters parameters = parameters_of(form, drain);
  return accel::output_stationary(layer, parameters, accel::column_blocks(layer, parameters, steps)).cycles;
}

void expect_cycles(const LayerRun& run, const Product& p, const Form& form, std::int64_t steps, const char* machine) {
  const auto expect = [&](const char* drain, std::int64_t measured, std::int64_t expected) {
    std::printf("%-15s %d x %d %-10s T %3lld, %lld x %lld outputs: expected %lld, measured %lld, deviation %lld\n",
                machine, form.rows, form.columns, drain, static_cast<long long>(steps),
                static_cast<long long>(p.pixels), static_cast<long long>(p.filters), static_cast<long long>(expected),
                static_cast<long long>(measured), static_cast<long long>(measured - expected));
    EXPECT_EQ(measured, expected);
  };
  if (form.overlapped) {
    expect("overlapped", run.cycles, simulated(p, form, steps, accel::Drain::overlapped));
    return;
  }
  expect("serial", run.cycles, simulated(p, form, steps, accel::Drain::serial));
  // Without the shifts, which SCALE-Sim does not count.
  expect("none", run.cycles - run.draining, simulated(p, form, steps, accel::Drain::none));
}

Product random_product(Random& random, std::int64_t pixels, std::int64_t filters, std::int64_t depth) {
  Product p{pixels, filters, depth, {}, {}};
  for (std::int64_t i = 0; i < pixels * depth; ++i)
    p.x.push_back(random.below(3) == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(random.below(256)));
  for (std::int64_t i = 0; i < filters * depth; ++i)
    p.w.push_back(static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128));
  return p;
}

// Whole tiles alone, one more in each direction, less than one.
std::vector<std::pair<std::int64_t, std::int64_t>> outputs_of(const Form& form) {
  return {{2 * form.rows, 2 * form.columns},
          {3 * form.rows + 1, form.columns + 1},
          {2 * form.rows + std::max(1, form.rows - 1), 2 * form.columns - 1},
          {1, 1},
          {1, 2 * form.columns},
          {form.rows * 5, 1}};
}

constexpr std::int64_t steps_of_tiles[] = {1, 2, 7, 64};

TEST(SparqSystolic, EqualsModelAndSimulator) {
  Clocked<Vsparq_systolic_bench> design;
  Random random(21);
  for (const Form& form : forms) {
    const accel::TrimRound unit = unit_of(form);
    for (const std::int64_t steps : steps_of_tiles) {
      for (const auto& [pixels, filters] : outputs_of(form)) {
        // An odd depth fills the last pair with a zero.
        const Product p = random_product(random, pixels, filters, 2 * steps - random.below(2));
        const LayerRun run = run_sparq(design, form, p);
        for (std::int64_t i = 0; i < pixels; ++i) {
          for (std::int64_t f = 0; f < filters; ++f) {
            accel::SparqElement element;
            for (std::int64_t k = 0; k < p.depth; k += 2)
              element.cycle(accel::trim_round(p.activation(i, k), p.activation(i, k + 1), unit), p.weight(f, k),
                            p.weight(f, k + 1), k == 0);
            ASSERT_EQ(run.sums[static_cast<std::size_t>(i * filters + f)], element.sum) << i << ", " << f;
          }
        }
        expect_cycles(run, p, form, steps, "sparq-systolic");
      }
    }
  }
}

TEST(SwisSingle, EqualsModelAndSimulator) {
  Clocked<Vswis_single_bench> design;
  Random random(22);
  for (const Form& form : forms) {
    for (const std::int64_t steps : steps_of_tiles) {
      // Groups of as many positions as divide the steps.
      const std::int64_t shifts = steps == 64 ? 4 : steps == 2 ? 2 : 1;
      const std::int64_t groups = steps / shifts;
      for (const auto& [pixels, filters] : outputs_of(form)) {
        Product p = random_product(random, pixels, filters, 4 * groups);
        SwisGroups code{p.depth, {}};
        for (std::int64_t f = 0; f < filters; ++f) {
          for (std::int64_t g = 0; g < groups; ++g) {
            int set = 0;
            for (std::int64_t left = shifts; left > 0;) {
              const int bit = 1 << random.below(8);
              left -= (set & bit) != 0 ? 0 : 1;
              set |= bit;
            }
            code.set.push_back(static_cast<std::uint8_t>(set));
            for (std::int64_t i = 0; i < 4; ++i) {
              std::int8_t& w = p.w[static_cast<std::size_t>(f * p.depth + 4 * g + i)];
              const int magnitude = static_cast<int>(random.below(256)) & set & (random.below(4) == 0 ? 128 : 127);
              w = static_cast<std::int8_t>(magnitude == 128 || random.below(2) == 0 ? -magnitude : magnitude);
            }
          }
        }
        const LayerRun run = run_swis(design, form, p, code);
        for (std::int64_t i = 0; i < pixels; ++i) {
          for (std::int64_t f = 0; f < filters; ++f) {
            std::int32_t sum = 0;
            for (std::int64_t k = 0; k < p.depth; ++k) sum += p.activation(i, k) * p.weight(f, k);
            ASSERT_EQ(run.sums[static_cast<std::size_t>(i * filters + f)], sum) << i << ", " << f;
          }
        }
        expect_cycles(run, p, form, steps, "swis-single");
      }
    }
  }
}

}  // namespace
}  // namespace bitsieve::rtl
