// What holds for every machine of the table.
#include "accel/machines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "accel/memory.h"
#include "accel/simulate.h"
#include "accel/test_compare.h"
#include "accel/test_layers.h"
#include "accel/values.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

using test::compare, test::conv, test::Is, test::layers, test::with_values;

class EveryMachine : public testing::TestWithParam<const Machine*> {
 protected:
  const Machine& machine() const { return *GetParam(); }
  Timing time(const Layer& layer, const Parameters& parameters) const {
    return machine().time(with_values(layer), parameters);
  }
};

TEST_P(EveryMachine, ObeysConservation) {
  for (const Layer& layer : layers()) {
    const Timing t = time(layer, machine().defaults);
    EXPECT_GT(t.cycles, 0);
    EXPECT_GT(t.busy, 0);
    compare("busy cycles of elements", Is::at_most, t.slots, t.busy);
    // All operands are read at least once and every output is written once.
    compare("bits of activations read", Is::at_least,
            8.0 * static_cast<double>(layer.pixels * layer.channels * layer.groups),
            t.counts.at("activation-buffer-bit"));
    compare("bits of activations written", Is::at_least, 8.0 * static_cast<double>(layer.output_values),
            t.counts.at("activation-buffer-write-bit"));
    compare("bits of weights read", Is::at_least,
            (machine().name == "bitwave" ? 1.0 : 8.0) * static_cast<double>(layer.filters * layer.depth()),
            t.counts.at("weight-buffer-bit"));
  }
}

// Machines that look at values say so, and ask for them.
TEST_P(EveryMachine, AsksForValues) {
  const Layer layer = conv(9, 3, 1, 5);
  if (machine().reads == Reads::shapes) {
    EXPECT_GT(machine().time(layer, machine().defaults).cycles, 0);
    return;
  }
  try {
    machine().time(layer, machine().defaults);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.what(),
              machine().reads == Reads::weights
                  ? fmt::format("machine '{}' depends on weights, and layer 'conv' has none; give a .bsv model",
                                machine().name)
                  : fmt::format("machine '{}' depends on values, and layer 'conv' has none; give a .bsv model and "
                                "--data with images",
                                machine().name));
  }
}

// What has to be done, in cycles of a lane: set bits for the machines that look for them, bits or products for the
// others.
double least_lane_cycles(const std::string& machine, const Layer& layer) {
  const auto macs = static_cast<double>(layer.macs());
  const auto bits = [](int x) { return static_cast<double>(std::popcount(static_cast<unsigned>(std::abs(x)))); };
  if (machine == "weight-serial" || machine.starts_with("swis-single") || machine == "swis-c") return macs * 7;
  if (machine == "swis-double") return macs * 7 / 2;
  if (machine == "stripes") return macs * 8;
  if (machine == "loom") return macs * 64;
  if (machine == "bitwave") {
    double sum = 0;
    for (const std::int8_t w : layer.weights) sum += bits(w);
    return sum * static_cast<double>(layer.pixels);
  }
  if (machine != "bit-pragmatic" && machine != "laconic") return macs;
  double sum = 0;
  for (std::int64_t pixel = 0; pixel < layer.pixels; ++pixel) {
    for (std::int64_t f = 0; f < layer.filters; ++f) {
      const std::int64_t group = f / layer.filters_of_group();
      for (std::int64_t tap = 0; tap < layer.taps; ++tap) {
        const std::int64_t at = position_of(layer, pixel, tap);
        for (std::int64_t c = 0; at >= 0 && c < layer.channels; ++c) {
          const int x = layer.input[static_cast<std::size_t>((at * layer.groups + group) * layer.channels + c)];
          const int w = layer.weights[static_cast<std::size_t>((f * layer.taps + tap) * layer.channels + c)];
          sum += bits(x) * (machine == "laconic" ? bits(w) : 1);
        }
      }
    }
  }
  return sum;
}

// Elements cannot do more than a thing a lane and cycle, and the array cannot be done before they are.
TEST_P(EveryMachine, DoesNotExceedItsPeak) {
  const Parameters& p = machine().defaults;
  for (const Layer& plain : layers()) {
    const Layer layer = with_values(plain);
    const Timing t = machine().time(layer, p);
    // The dot products count products as busy, and slots likewise.
    const bool by_product = machine().name.ends_with("dot-product");
    const auto lanes = static_cast<double>(by_product || (p.keys & array_key::lanes) == 0 ? 1 : p.lanes);
    const double least = least_lane_cycles(std::string(machine().name), layer);
    compare("lane cycles of elements", Is::at_least, least, t.busy * lanes);
    const auto elements = static_cast<double>(p.rows * p.columns * p.units * (by_product ? p.lanes : 1));
    compare("lane cycles of the array", Is::at_least, least, static_cast<double>(t.cycles) * elements * lanes);
  }
}

// All zeros take the least that there is: a cycle for a step.
TEST_P(EveryMachine, ZerosGiveTheFloor) {
  if (machine().reads != Reads::activations) return;
  Layer layer = with_values(conv(196, 64, 9, 32));
  const std::vector<std::uint8_t> zeros(layer.input.size(), 0);
  layer.input = zeros;
  compare("cycles of zeros", 13 * 4 * 9 * 2, machine().time(layer, machine().defaults).cycles);
}

// As many groups of a grouped layer take as long as the layers that they are, and cost as much (but for the fill, which
// a layer has once).
TEST_P(EveryMachine, GroupsAreLayersOneAfterTheOther) {
  const Layer grouped = with_values(conv(64, 24, 9, 20, 3));
  Parameters p = machine().defaults;
  if ((p.keys & array_key::drain) != 0) p.drain = Drain::serial;
  const Timing together = machine().time(grouped, p);
  std::int64_t cycles = 0;
  double busy = 0;
  Counts counts;
  for (std::int64_t g = 0; g < 3; ++g) {
    Layer one = grouped;
    one.groups = 1;
    one.filters = 8;
    std::vector<std::uint8_t> input;
    for (std::int64_t at = 0; at < 64; ++at)
      input.insert(input.end(), grouped.input.begin() + at * 60 + g * 20,
                   grouped.input.begin() + at * 60 + g * 20 + 20);
    one.input = input;
    one.weights = grouped.weights.subspan(static_cast<std::size_t>(g * 8 * 180), 8 * 180);
    one.output_values = 64 * 8;
    const Timing t = machine().time(one, p);
    cycles += t.cycles;
    busy += t.busy;
    for (const auto& [id, count] : t.counts) counts[id] += count;
  }
  compare("cycles of three groups", cycles, together.cycles);
  compare("busy cycles of elements", Is::equal, busy, together.busy);
  for (const auto& [id, count] : counts) compare(id, Is::equal, count, together.counts.at(id));
}

// More of a layer never takes less.
TEST_P(EveryMachine, GrowsWithTheLayer) {
  for (const Layer& layer : layers()) {
    const std::int64_t cycles = time(layer, machine().defaults).cycles;
    Layer more = layer;
    more.pixels *= 3;
    const auto grown = [&](const char* what) {
      compare(what, Is::at_least, static_cast<double>(cycles),
              static_cast<double>(time(more, machine().defaults).cycles));
    };
    grown("cycles of three times the pixels");
    more = layer;
    more.channels += 1;
    grown("cycles of a channel more");
    more = layer;
    more.filters *= 2;
    more.groups *= layer.depthwise() ? 2 : 1;
    grown("cycles of twice the filters");
  }
}

// Whatever the size of an element: where a table knows it whole, it knows all of it. Elements of twice the lanes take
// more, and work for half the time or more of it, so that all together they take about as much.
TEST_P(EveryMachine, EnergyIsThatOfItsElementsWithAnyLanes) {
  const std::vector<Layer> layers = {with_values(conv(196, 64, 9, 32))};
  for (const EnergySet& set : energy_sets()) {
    const EnergyTable table = parse_energy_table(set.toml, "set");
    Parameters p = machine().defaults;
    if ((p.keys & array_key::lanes) == 0) continue;
    const double own = simulate(layers, p, table).total.energy.at("compute");
    for (const std::int64_t lanes : {2, 4, 8, 16}) {
      p.lanes = lanes;
      const double other = simulate(layers, p, table).total.energy.at("compute");
      compare(fmt::format("{}, {} lanes: compute", set.id, lanes), Is::at_least, own / 8, other);
      compare(fmt::format("{}, {} lanes: compute", set.id, lanes), Is::at_most, own * 8, other);
    }
  }
}

TEST_P(EveryMachine, SeparateDepthwiseIsNeverSlower) {
  Parameters separate = machine().defaults;
  separate.depthwise = Depthwise::separate;
  const Layer layer = conv(49, 24, 9, 1, 24);
  compare("cycles of separate columns", Is::at_most, static_cast<double>(time(layer, machine().defaults).cycles),
          static_cast<double>(time(layer, separate).cycles));
}

// Without a limit of bandwidth the machine computes all the time, and without computing it waits for bytes alone.
TEST_P(EveryMachine, MeetsItsRoofs) {
  const EnergyTable table = parse_energy_table(energy_sets()[0].toml, "set");
  Parameters p = machine().defaults;
  p.dram_latency_ns = 0;
  p.dram_gb_per_s = 1e6;
  const std::vector<Layer> all = {with_values(conv(196, 64, 9, 32))};
  const Report fast = simulate(all, p, table);
  EXPECT_EQ(fast.total.stall, 0);
  compare("cycles without waiting", Is::equal, static_cast<double>(time(all[0], p).cycles), fast.total.cycles());
  p.dram_gb_per_s = 1e-3;
  const Report slow = simulate(all, p, table);
  const double bytes = slow.total.traffic.bytes() / dram_bytes_per_cycle(p);
  compare("cycles of DRAM alone", Is::at_least, bytes, slow.total.cycles());
  compare("cycles of DRAM alone", Is::at_most, bytes + 1, slow.total.cycles());
  EXPECT_GT(slow.highest_pj, slow.lowest_pj);
}

INSTANTIATE_TEST_SUITE_P(Machines, EveryMachine, testing::ValuesIn([] {
                           std::vector<const Machine*> all;
                           for (const Machine& m : machines()) all.push_back(&m);
                           return all;
                         }()),
                         [](const auto& info) {
                           std::string name(info.param->name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace bitsieve::accel
