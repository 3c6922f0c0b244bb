// SPARQ's trim-and-round units and processing elements in gates: all 65,536 pairs of activations on all options,
// trimming and rounding, with pairs and without.
#include <Vsparq_bench.h>
#include <gtest/gtest.h>

#include "accel/elements/sparq_element.h"
#include "accel/elements/trim_round.h"
#include "base/random.h"
#include "methods/sparq/sparq.h"
#include "rtl_link/clocked.h"

namespace bitsieve::rtl {
namespace {

using accel::TrimRound;

constexpr int designs = 20;

// As rtl/bench/sparq_bench.sv orders them.
TrimRound unit_of(int index) {
  TrimRound unit = accel::trim_round_options()[static_cast<std::size_t>(index / 4)].unit;
  unit.round = index / 2 % 2 == 1;
  unit.pairs = index % 2 == 1;
  return unit;
}

sparq::Config config_of(int index) {
  return {&sparq::window_options()[static_cast<std::size_t>(index / 4)], index / 2 % 2 == 1, index % 2 == 1, false};
}

// One pair of weights a pair of activations, extremes first, then any; sums run on for 64 pairs.
TEST(SparqElements, EqualTheModelOnAllPairsOfActivations) {
  constexpr int rounds = 8;
  constexpr int extremes[][2] = {{-128, -128}, {127, 127}, {-128, 127}};
  Clocked<Vsparq_bench> bench;
  Random random(11);
  std::array<accel::SparqElement, designs> models;
  std::array<std::int32_t, designs> definition{};
  std::int64_t vectors = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int pair = 0; pair < 65536; ++pair) {
      const int x1 = pair >> 8, x2 = pair & 255;
      const bool extreme = round < 3, first = pair % 64 == 0;
      const int w1 = extreme ? extremes[round][0] : static_cast<int>(random.below(256)) - 128;
      const int w2 = extreme ? extremes[round][1] : static_cast<int>(random.below(256)) - 128;
      bench->x[0] = static_cast<CData>(x1);
      bench->x[1] = static_cast<CData>(x2);
      bench->w[0] = static_cast<CData>(w1 & 255);
      bench->w[1] = static_cast<CData>(w2 & 255);
      bench->first = first;
      bench.settle();
      for (int u = 0; u < designs; ++u) {
        const TrimRound unit = unit_of(u);
        const accel::WindowPair lanes = accel::trim_round(x1, x2, unit);
        for (std::size_t i = 0; i < 2; ++i) {
          const std::size_t at = 2 * static_cast<std::size_t>(u) + i;
          ASSERT_EQ(bench->data[at], lanes[i].data) << "unit " << u << ", " << x1 << ", " << x2;
          ASSERT_EQ(bench->place[at] * unit.step, lanes[i].shift) << "unit " << u << ", " << x1 << ", " << x2;
          ASSERT_EQ(bench->partner[at], lanes[i].partner ? 1 : 0) << "unit " << u << ", " << x1 << ", " << x2;
        }
        const auto at = static_cast<std::size_t>(u);
        models[at].cycle(lanes, w1, w2, first);
        definition[at] = (first ? 0 : definition[at]) + sparq::pair_product(x1, w1, x2, w2, config_of(u));
      }
      bench.tick();
      for (std::size_t u = 0; u < designs; ++u) {
        ASSERT_EQ(static_cast<std::int32_t>(bench->sum[u]), models[u].sum) << "unit " << u;
        ASSERT_EQ(models[u].sum, definition[u]) << "unit " << u;
      }
      vectors += designs;
    }
  }
  RecordProperty("vectors", std::to_string(vectors));
  EXPECT_EQ(vectors, std::int64_t{rounds} * 65536 * designs);
}

}  // namespace
}  // namespace bitsieve::rtl
