// What holds for every machine of the table, and the rules of single ones.
#include "accel/machines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <deque>
#include <functional>

#include "accel/mapping.h"
#include "accel/memory.h"
#include "accel/simulate.h"
#include "accel/values.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

Layer conv(std::int64_t pixels, std::int64_t filters, std::int64_t taps, std::int64_t channels,
           std::int64_t groups = 1) {
  Layer layer;
  layer.name = "conv";
  layer.pixels = pixels;
  layer.filters = filters;
  layer.taps = taps;
  layer.channels = channels;
  layer.groups = groups;
  layer.input_values = pixels * channels * groups;
  layer.output_values = pixels * filters;
  layer.weight_bytes = static_cast<double>(filters * layer.depth());
  return layer;
}

// Numbers that depend on where they are alone, so that a larger layer has those of a smaller one. Kept for as long as
// the tests run: layers refer to them.
Layer with_values(Layer layer) {
  static std::deque<std::vector<std::uint8_t>> kept;
  static std::deque<std::vector<std::int8_t>> kept_weights;
  const auto drawn = [](std::int64_t a, std::int64_t b) {
    auto x = static_cast<std::uint64_t>(a * 1000003 + b * 7919 + 12345);
    x = (x ^ (x >> 13)) * 0x9E3779B97F4A7C15u;
    return static_cast<std::uint8_t>(x >> 56);
  };
  layer.image = {layer.pixels, 1};
  layer.window.kernel = {layer.taps, 1};
  layer.window.pad_before = {layer.taps / 2, 0};
  layer.window.pad_after = {layer.taps - 1 - layer.taps / 2, 0};
  kept.emplace_back();
  for (std::int64_t at = 0; at < layer.pixels; ++at) {
    for (std::int64_t c = 0; c < layer.channels * layer.groups; ++c)
      kept.back().push_back(drawn(at, c / layer.channels * 1000 + c % layer.channels));
  }
  kept_weights.emplace_back();
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    for (std::int64_t k = 0; k < layer.depth(); ++k)
      kept_weights.back().push_back(static_cast<std::int8_t>(drawn(f, 100000 + k % layer.channels)));
  }
  layer.input = kept.back();
  layer.weights = kept_weights.back();
  return layer;
}

class EveryMachine : public testing::TestWithParam<const Machine*> {
 protected:
  const Machine& machine() const { return *GetParam(); }
  Timing time(const Layer& layer, const Parameters& parameters) const {
    return machine().time(with_values(layer), parameters);
  }
};

std::vector<Layer> layers() {
  return {conv(196, 64, 9, 32), conv(1, 10, 1, 64), conv(49, 24, 9, 1, 24), conv(7, 3, 25, 5), conv(64, 16, 9, 4, 4)};
}

TEST_P(EveryMachine, ObeysConservation) {
  for (const Layer& layer : layers()) {
    const Timing t = time(layer, machine().defaults);
    EXPECT_GT(t.cycles, 0);
    EXPECT_GT(t.busy, 0);
    EXPECT_LE(t.busy, t.slots * (1 + 1e-12)) << layer.name;
    // All operands are read at least once and every output is written once.
    EXPECT_GE(t.counts.at("activation-buffer-bit"),
              8.0 * static_cast<double>(layer.pixels * layer.channels * layer.groups));
    EXPECT_GE(t.counts.at("activation-buffer-write-bit"), 8.0 * static_cast<double>(layer.output_values));
    EXPECT_GE(t.counts.at("weight-buffer-bit"),
              (machine().name == "bitwave" ? 1.0 : 8.0) * static_cast<double>(layer.filters * layer.depth()));
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
    EXPECT_GE(t.busy * lanes, least) << layer.name;
    const auto elements = static_cast<double>(p.rows * p.columns * p.units * (by_product ? p.lanes : 1));
    EXPECT_GE(static_cast<double>(t.cycles) * elements * lanes, least) << layer.name;
  }
}

// All zeros take the least that there is: a cycle for a step.
TEST_P(EveryMachine, ZerosGiveTheFloor) {
  if (machine().reads != Reads::activations) return;
  Layer layer = with_values(conv(196, 64, 9, 32));
  const std::vector<std::uint8_t> zeros(layer.input.size(), 0);
  layer.input = zeros;
  EXPECT_EQ(machine().time(layer, machine().defaults).cycles, 13 * 4 * 9 * 2);
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
  EXPECT_EQ(together.cycles, cycles);
  EXPECT_DOUBLE_EQ(together.busy, busy);
  for (const auto& [id, count] : counts) EXPECT_DOUBLE_EQ(together.counts.at(id), count) << id;
}

// More of a layer never takes less.
TEST_P(EveryMachine, GrowsWithTheLayer) {
  for (const Layer& layer : layers()) {
    const std::int64_t cycles = time(layer, machine().defaults).cycles;
    Layer more = layer;
    more.pixels *= 3;
    EXPECT_GE(time(more, machine().defaults).cycles, cycles);
    more = layer;
    more.channels += 1;
    EXPECT_GE(time(more, machine().defaults).cycles, cycles);
    more = layer;
    more.filters *= 2;
    more.groups *= layer.depthwise() ? 2 : 1;
    EXPECT_GE(time(more, machine().defaults).cycles, cycles);
  }
}

TEST_P(EveryMachine, SeparateDepthwiseIsNeverSlower) {
  Parameters separate = machine().defaults;
  separate.depthwise = Depthwise::separate;
  const Layer layer = conv(49, 24, 9, 1, 24);
  EXPECT_LE(time(layer, separate).cycles, time(layer, machine().defaults).cycles);
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
  EXPECT_EQ(fast.total.compute, static_cast<double>(time(all[0], p).cycles));
  p.dram_gb_per_s = 1e-3;
  const Report slow = simulate(all, p, table);
  EXPECT_NEAR(slow.total.cycles(), slow.total.traffic.bytes() / dram_bytes_per_cycle(p), 1);
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

// Two windows a cycle; 8-bit values one, as on the 8-bit array.
TEST(SparqSystolic, IsTwiceAsFastOnWindowsAlone) {
  Layer layer = conv(4096, 16, 9, 64);
  Parameters p = require_machine("sparq-systolic").defaults;
  const auto cycles = [&](const char* machine) { return require_machine(machine).time(layer, p).cycles; };
  EXPECT_EQ(cycles("sparq-systolic"), cycles("systolic-os"));
  layer.activation_bits = 4;
  const std::int64_t fill = p.rows + p.columns - 2;
  EXPECT_EQ(2 * (cycles("sparq-systolic") - fill), cycles("systolic-os") - fill);
  p.drain = Drain::serial;  // D.4: ceil(K / 2) + R + C - 2, and R to shift out
  p.rows = p.columns = 4;
  layer = conv(4, 4, 1, 7);
  layer.activation_bits = 4;
  EXPECT_EQ(cycles("sparq-systolic"), 4 + 4 + 4 - 2 + 4);
  EXPECT_EQ(cycles("systolic-os"), 7 + 4 + 4 - 2 + 4);
}

// The law of an output-stationary array: element (r, c) is done after r + c + T cycles.
TEST(SystolicOs, PartialTilesReachAsFarAsTheyReach) {
  Parameters p = require_machine("systolic-os").defaults;
  p.rows = 4;
  p.columns = 8;
  p.drain = Drain::none;
  EXPECT_EQ(require_machine("systolic-os").time(conv(6, 9, 1, 10), p).cycles,
            (10 + 4 + 8 - 2) + (10 + 2 + 8 - 2) + (10 + 4 + 1 - 2) + (10 + 2 + 1 - 2));
  p.partial = Partial::full;
  EXPECT_EQ(require_machine("systolic-os").time(conv(6, 9, 1, 10), p).cycles, 4 * (10 + 4 + 8 - 2));
}

// Of a depthwise filter of 3 x 3 taps three groups of four, coded or not.
TEST(WeightSerial, GroupsTheTapsOfDepthwiseFilters) {
  const Layer layer = conv(8, 3, 9, 1, 3);
  const Parameters& p = require_machine("weight-serial").defaults;
  EXPECT_EQ(require_machine("weight-serial").time(layer, p).cycles, 3 * 3 * 7 + 14);
  EXPECT_EQ(require_machine("swis-single").time(layer, require_machine("swis-single").defaults).cycles, 3 * 3 * 7 + 14);
}

// More units never take longer, and columns with activations of their own read as many as one after the other.
TEST(Units, ShareTiles) {
  for (const char* machine : {"stripes", "dot-product", "sparq-dot-product"}) {
    for (const Layer& layer : layers()) {
      Parameters p = require_machine(machine).defaults;
      const Timing one = require_machine(machine).time(layer, p);
      p.units = 2;
      EXPECT_LE(require_machine(machine).time(layer, p).cycles, one.cycles) << machine;
    }
  }
  const Layer depthwise = conv(64, 24, 9, 1, 24);
  Parameters p = require_machine("dot-product").defaults;
  const auto reads = [&] {
    return require_machine("dot-product").time(depthwise, p).counts.at("activation-buffer-bit");
  };
  const double column = reads();
  p.depthwise = Depthwise::separate;
  EXPECT_EQ(reads(), column);
}

// Windows behind a sign are windows.
TEST(SparqSystolic, TakesSignedWindows) {
  Layer layer = conv(4096, 16, 9, 64);
  const Parameters& p = require_machine("sparq-systolic").defaults;
  const std::int64_t plain = require_machine("sparq-systolic").time(layer, p).cycles;
  layer.windows = true;
  layer.activation_bits = 5;
  EXPECT_LT(require_machine("sparq-systolic").time(layer, p).cycles, 0.51 * static_cast<double>(plain));
  EXPECT_EQ(require_machine("stripes").time(layer, require_machine("stripes").defaults).cycles,
            4096 / 16 * 1 * 9 * 4 * 8);
}

// The slowest filter of a block decides, not the mean.
TEST(SwisSingle, WaitsForTheSlowestFilter) {
  Layer layer = conv(8, 16, 9, 8);
  LayerCode code;
  code.shifts.group = 4;
  code.shifts.run = 8;
  code.shifts.columns = 1;
  code.shifts.shifts = {1, 1, 1, 1, 1, 1, 1, 4, 2, 2, 2, 2, 2, 2, 2, 3};
  layer.code = &code;
  Parameters p = require_machine("swis-single").defaults;
  const auto cycles = [&](const char* machine) { return require_machine(machine).time(layer, p).cycles; };
  EXPECT_EQ(cycles("swis-single"), (4 + 3) * 9 * 2 + 14);
  EXPECT_EQ(cycles("swis-double"), (2 + 2) * 9 * 2 + 14);
  // In another order the slow ones share a block.
  code.shifts.filter = {7, 15, 8, 9, 10, 11, 12, 13, 14, 0, 1, 2, 3, 4, 5, 6};
  code.shifts.shifts = {4, 3, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(cycles("swis-single"), (4 + 2) * 9 * 2 + 14);
  // Weight-serial machines take every bit of a number.
  EXPECT_EQ(cycles("weight-serial"), 2 * 7 * 9 * 2 + 14);
  p.lanes = 8;
  try {
    cycles("swis-single");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(
        e.what(),
        "layer 'conv' has groups of 4 weights and machine 'swis-single' has 8 lanes; give both the same number");
  }
}

// A schedule may mix the groups of a grouped convolution; columns cannot.
TEST(SwisSingle, RunsOneGroupAfterTheOther) {
  Layer layer = conv(8, 4, 9, 4, 2);
  LayerCode code;
  code.shifts.group = 4;
  code.shifts.run = 4;
  code.shifts.columns = 1;
  code.shifts.shifts = {4, 3, 2, 1};
  code.shifts.filter = {3, 0, 2, 1};
  layer.code = &code;
  const Machine& machine = require_machine("swis-single");
  EXPECT_EQ(machine.time(layer, machine.defaults).cycles, (3 + 4) * 9 + 14);  // filters 0 and 1, then 2 and 3
  Parameters one = machine.defaults;
  one.columns = 1;
  EXPECT_EQ(machine.time(layer, one).cycles, (3 + 1 + 4 + 2) * 9 + 7);
}

// A machine that is serial over b bits takes b times the cycles of one bit.
TEST(Stripes, IsProportionalToBits) {
  Layer layer = conv(64, 32, 9, 32);
  const Parameters p = require_machine("stripes").defaults;
  const auto cycles = [&](int bits) {
    layer.activation_bits = bits;
    return require_machine("stripes").time(layer, p).cycles;
  };
  for (int bits = 2; bits <= 8; ++bits) EXPECT_EQ(cycles(bits), bits * cycles(1));
}

// Lanes are channels: of a depthwise layer one works, on all machines of this kind alike.
TEST(Stripes, GoesTapByTapAsItsRelativesDo) {
  const Layer layer = with_values(conv(32, 3, 9, 1, 3));
  const std::vector<std::uint8_t> ones(layer.input.size(), 1);
  Layer easy = layer;
  easy.input = ones;
  easy.activation_bits = 1;
  for (const char* machine : {"stripes", "bit-pragmatic"})
    EXPECT_EQ(require_machine(machine).time(easy, require_machine(machine).defaults).cycles, 3 * 2 * 9) << machine;
}

// Sets weights of `layer` that stay for as long as the tests run.
Layer with_weights(Layer layer, const std::function<int(std::int64_t filter, std::int64_t k)>& weight) {
  static std::deque<std::vector<std::int8_t>> kept;
  kept.emplace_back();
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    for (std::int64_t k = 0; k < layer.depth(); ++k) kept.back().push_back(static_cast<std::int8_t>(weight(f, k)));
  }
  layer.weights = kept.back();
  return layer;
}

// Two of four weights: twice the positions a cycle, and twice again behind windows; one group of three and nothing.
TEST(SparseDotProduct, NeedsAllGroupsSparse) {
  const auto cycles = [](const char* machine, const Layer& layer) {
    return require_machine(machine).time(layer, require_machine(machine).defaults).cycles;
  };
  Layer layer = with_weights(conv(16, 4, 9, 32), [](auto, auto k) { return k % 4 < 2 ? 5 : 0; });
  EXPECT_EQ(cycles("dot-product", layer), 4 * 9 * 8);
  EXPECT_EQ(cycles("sparse-dot-product", layer), 4 * 9 * 4);
  EXPECT_EQ(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 4);
  layer.windows = true;  // of neighbours, whatever the weights
  EXPECT_EQ(cycles("sparq-dot-product", layer), 4 * 9 * 4);
  EXPECT_EQ(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 4);
  layer.windows_of_kept = true;
  EXPECT_EQ(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 2);  // D.6: 16 positions a cycle
  layer.windows_of_kept = false;
  layer = with_weights(layer, [](auto f, auto k) { return k % 4 < 2 || (f == 3 && k == 287) ? 5 : 0; });
  EXPECT_EQ(cycles("sparse-dot-product", layer), 4 * 9 * 8);
  EXPECT_EQ(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 4);
  // The rest of a filter that is not a multiple of four.
  layer = with_weights(conv(4, 4, 1, 6), [](auto, auto k) { return k % 4 < 2 ? 5 : 0; });
  EXPECT_EQ(cycles("sparse-dot-product", layer), 1);
}

// Consecutive shifts cost as many cycles, but one use of the shifter a group and one position.
TEST(SwisC, ShiftsOnceAGroup) {
  Layer layer = conv(8, 8, 9, 8);
  LayerCode code;
  code.shifts.group = 4;
  code.shifts.run = 8;
  code.shifts.consecutive = true;
  code.shifts.shifts = {3};
  layer.code = &code;
  const Timing c = require_machine("swis-c").time(layer, require_machine("swis-c").defaults),
               single = require_machine("swis-single").time(layer, require_machine("swis-single").defaults);
  EXPECT_EQ(c.cycles, single.cycles);
  EXPECT_EQ(single.counts.at("shift-32"), 3 * c.counts.at("shift-32"));
  EXPECT_EQ(c.counts.at("shift-32"), 8 * 8 * 18);
  EXPECT_EQ(c.counts.at("weight-buffer-bit"), 8 * 18 * (3 * 4 + 4 + 3));
  code.shifts.consecutive = false;
  try {
    require_machine("swis-c").time(layer, require_machine("swis-c").defaults);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(
        e.what(),
        "layer 'conv' has groups whose shifts do not follow each other, which machine 'swis-c' needs; quantize "
        "with a code of consecutive shifts (swisc-nN-mM), or take swis-single");
  }
}

// A column of bits that is zero in all eight weights is skipped, and the slowest filter of a step decides.
TEST(BitWave, SkipsColumnsOfZeros) {
  const Machine& machine = require_machine("bitwave");
  const auto cycles = [&](auto weight) {
    return machine.time(with_weights(conv(8, 8, 9, 16), weight), machine.defaults).cycles - 14;
  };
  EXPECT_EQ(cycles([](auto, auto) { return 0; }), 18);
  EXPECT_EQ(cycles([](auto, auto) { return -127; }), 7 * 18);
  EXPECT_EQ(cycles([](auto, auto k) { return k % 8 == 3 ? -64 : k % 8 == 7 ? 1 : 0; }), 2 * 18);
  // One filter with three columns in a single group keeps the others waiting there.
  EXPECT_EQ(cycles([](auto f, auto k) { return f == 5 && k == 20 ? 7 : 1; }), 17 + 3);
  // Never more cycles than the machine that takes every bit.
  const Layer layer = with_values(conv(64, 32, 9, 32));
  Parameters serial = require_machine("weight-serial").defaults;
  serial.lanes = machine.defaults.lanes;
  EXPECT_LE(machine.time(layer, machine.defaults).cycles,
            require_machine("weight-serial").time(layer, serial).cycles * 8 / 7);
}

// Cycles are the product of both widths; at a bit of each as many as there are steps.
TEST(Loom, IsProportionalToBothWidths) {
  Layer layer = conv(64, 256, 9, 32);
  const auto cycles = [&](int activation, int weight) {
    layer.activation_bits = activation;
    layer.weight_bits = weight;
    return require_machine("loom").time(layer, require_machine("loom").defaults).cycles;
  };
  for (int a = 1; a <= 8; ++a) {
    for (int w = 1; w <= 8; ++w) EXPECT_EQ(cycles(a, w), a * w * (4 * 2 * 9 * 2));
  }
}

TEST(BitFusion, FusesAsManyAsAreNeeded) {
  Layer layer = conv(16, 16, 9, 32);
  const auto steps = [&](int activation, int weight) {
    layer.activation_bits = activation;
    layer.weight_bits = weight;
    return require_machine("bit-fusion").time(layer, require_machine("bit-fusion").defaults).cycles - 30;
  };
  EXPECT_EQ(steps(8, 8), 288);
  EXPECT_EQ(steps(5, 6), 288);
  EXPECT_EQ(steps(8, 4), 144);
  EXPECT_EQ(steps(4, 4), 72);
  EXPECT_EQ(steps(8, 2), 72);
  EXPECT_EQ(steps(4, 2), 36);
  EXPECT_EQ(steps(2, 2), 18);
  EXPECT_EQ(steps(3, 1), 36);
}

// Of a fully connected layer one row works, or all of them.
TEST(Vectors, SpreadOverTheArray) {
  const Layer layer = conv(1, 1000, 1, 512);
  for (const char* name : {"systolic-os", "sparq-systolic", "weight-serial", "swis-single", "bit-fusion"}) {
    Parameters p = require_machine(name).defaults;
    p.rows = p.columns = 8;
    const Timing row = require_machine(name).time(layer, p);
    p.vectors = Vectors::array;
    const Timing array = require_machine(name).time(layer, p);
    EXPECT_EQ(row.cycles - 14, 125 * ((array.cycles - 14) / 16)) << name;
    EXPECT_EQ(row.busy, array.busy);
    EXPECT_LE(array.busy, array.slots);
    EXPECT_EQ(row.counts.at("weight-buffer-bit"), array.counts.at("weight-buffer-bit"));
    // A convolution does not change.
    const Layer more = conv(2, 1000, 1, 512);
    const std::int64_t cycles = require_machine(name).time(more, p).cycles;
    p.vectors = Vectors::row;
    EXPECT_EQ(require_machine(name).time(more, p).cycles, cycles);
  }
}

// Machines that multiply hold 8 bits a weight, whatever the file has; those that shift hold what the file has.
TEST(Memory, HoldsWeightsAsTheMachineReadsThem) {
  Layer layer = conv(1, 512, 1, 64);  // 32 KiB of weights
  layer.weight_bytes = 10000;
  layer.input_values = 100000;
  Parameters p;
  p.weight_buffer_kib = 32;  // half of it is worked on
  const Traffic packed = dram_traffic(layer, p, Held::packed), unpacked = dram_traffic(layer, p, Held::unpacked);
  EXPECT_EQ(packed.weights, 10000);
  EXPECT_EQ(unpacked.weights, 20000);  // two parts of the input, against 100000 bytes more of those
  EXPECT_EQ(buffered_weight_bits(layer, packed, Held::packed), 80000);
  EXPECT_EQ(buffered_weight_bits(layer, unpacked, Held::unpacked), 2 * 8 * 512 * 64);
}

// Means of images: everything but what is the same for all.
TEST(Report, IsTheMeanOfImages) {
  const EnergyTable table = parse_energy_table(energy_sets()[0].toml, "set");
  const Parameters p = require_machine("bit-pragmatic").defaults;
  Layer layer = with_values(conv(196, 64, 9, 32));
  const Report full = simulate({layer, layer}, p, table);
  const std::vector<std::uint8_t> zeros(layer.input.size(), 0);
  layer.input = zeros;
  const Report empty = simulate({layer, layer}, p, table);
  const Report both = mean({full, empty});
  EXPECT_EQ(both.total.macs, full.total.macs);
  EXPECT_DOUBLE_EQ(both.total.cycles(), (full.total.cycles() + empty.total.cycles()) / 2);
  EXPECT_DOUBLE_EQ(total(both.total.energy), (total(full.total.energy) + total(empty.total.energy)) / 2);
  EXPECT_DOUBLE_EQ(both.lowest_pj, (full.lowest_pj + empty.lowest_pj) / 2);
  EXPECT_DOUBLE_EQ(both.layers[1].busy, (full.layers[1].busy + empty.layers[1].busy) / 2);
  EXPECT_DOUBLE_EQ(both.layers[0].counts.at("add-32"),
                   full.layers[0].counts.at("add-32") / 2 + empty.layers[0].counts.at("add-32") / 2);
}

// Energy is counts times the table, exactly; the total is that of the layers.
TEST(Report, AddsUp) {
  const EnergyTable table = parse_energy_table(energy_sets()[0].toml, "set");
  for (const Machine& machine : machines()) {
    const Report report =
        simulate({with_values(conv(196, 64, 9, 32)), with_values(conv(1, 10, 1, 64))}, machine.defaults, table);
    double compute = 0, layers = 0;
    for (const auto& [id, count] : report.total.counts) {
      if (id.find("buffer") == std::string::npos && id != "dram-bit")
        compute += count * (id.starts_with("element-") ? 0 : table.entry(id).value);
    }
    for (const LayerReport& r : report.layers) layers += total(r.energy);
    EXPECT_NEAR(report.total.energy.at("compute"), compute, 1e-9 * compute) << machine.name;
    EXPECT_NEAR(total(report.total.energy), layers, 1e-9 * layers);
    EXPECT_DOUBLE_EQ(report.total.energy.at("dram"), 8 * report.total.traffic.bytes() * table.entry("dram-bit").value);
  }
}

TEST(Memory, LoadsAgainWhatDoesNotFit) {
  Parameters p;
  p.weight_buffer_kib = 2;
  p.activation_buffer_kib = 2;  // half of each is worked on
  Layer layer = conv(1, 1, 1, 1);
  layer.weight_bytes = 1000;
  layer.input_values = 1024;
  layer.output_values = 7;
  EXPECT_EQ(dram_traffic(layer, p, Held::packed).bytes(), 1000 + 1024 + 7);
  layer.input_values = 1025;  // two parts: the weights fit, so they stay, and nothing comes twice
  EXPECT_EQ(dram_traffic(layer, p, Held::packed).bytes(), 1000 + 1025 + 7);
  layer.weight_bytes = 3000;  // three parts and two: weights twice, or the input three times
  EXPECT_EQ(dram_traffic(layer, p, Held::packed).bytes(), 3000 + 3 * 1025 + 7);
  layer.input_values = 2000;
  EXPECT_EQ(dram_traffic(layer, p, Held::packed).bytes(), 2 * 3000 + 2000 + 7);
  p.double_buffered = false;
  EXPECT_EQ(dram_traffic(layer, p, Held::packed).bytes(), 3000 + 2000 + 7);
  p.dram_latency_ns = 10;
  p.dram_gb_per_s = 1;  // a byte a cycle
  EXPECT_EQ(stall_cycles({100, 20, 30}, p, 60), 10 + 150);
  p.double_buffered = true;
  EXPECT_EQ(stall_cycles({100, 20, 30}, p, 60), 10 + 90);
  EXPECT_EQ(stall_cycles({100, 20, 30}, p, 600), 10);
}

}  // namespace
}  // namespace bitsieve::accel
