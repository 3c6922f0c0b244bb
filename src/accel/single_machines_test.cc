// The rules of single machines.
#include <gtest/gtest.h>

#include "accel/machines.h"
#include "accel/test_compare.h"
#include "accel/test_layers.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

using test::conv, test::layers, test::with_values, test::with_weights;

// Two windows a cycle; 8-bit values one, as on the 8-bit array.
TEST(SparqSystolic, IsTwiceAsFastOnWindowsAlone) {
  Layer layer = conv(4096, 16, 9, 64);
  Parameters p = require_machine("sparq-systolic").defaults;
  const auto cycles = [&](const char* machine) { return require_machine(machine).time(layer, p).cycles; };
  BITSIEVE_COMPARE(cycles("sparq-systolic"), cycles("systolic-os"));
  layer.activation_bits = 4;
  const std::int64_t fill = p.rows + p.columns - 2;
  BITSIEVE_COMPARE(2 * (cycles("sparq-systolic") - fill), cycles("systolic-os") - fill);
  p.drain = Drain::serial;  // D.4: ceil(K / 2) + R + C - 2, and R to shift out
  p.rows = p.columns = 4;
  layer = conv(4, 4, 1, 7);
  layer.activation_bits = 4;
  BITSIEVE_COMPARE(cycles("sparq-systolic"), 4 + 4 + 4 - 2 + 4);
  BITSIEVE_COMPARE(cycles("systolic-os"), 7 + 4 + 4 - 2 + 4);
}

// The law of an output-stationary array: element (r, c) is done after r + c + T cycles.
TEST(SystolicOs, PartialTilesReachAsFarAsTheyReach) {
  Parameters p = require_machine("systolic-os").defaults;
  p.rows = 4;
  p.columns = 8;
  p.drain = Drain::none;
  BITSIEVE_COMPARE(require_machine("systolic-os").time(conv(6, 9, 1, 10), p).cycles,
                   (10 + 4 + 8 - 2) + (10 + 2 + 8 - 2) + (10 + 4 + 1 - 2) + (10 + 2 + 1 - 2));
  p.partial = Partial::full;
  BITSIEVE_COMPARE(require_machine("systolic-os").time(conv(6, 9, 1, 10), p).cycles, 4 * (10 + 4 + 8 - 2));
}

// Of a depthwise filter of 3 x 3 taps three groups of four, coded or not.
TEST(WeightSerial, GroupsTheTapsOfDepthwiseFilters) {
  const Layer layer = conv(8, 3, 9, 1, 3);
  const Parameters& p = require_machine("weight-serial").defaults;
  BITSIEVE_COMPARE(require_machine("weight-serial").time(layer, p).cycles, 3 * 3 * 7 + 14);
  BITSIEVE_COMPARE(require_machine("swis-single").time(layer, require_machine("swis-single").defaults).cycles,
                   3 * 3 * 7 + 14);
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
  BITSIEVE_COMPARE(reads(), column);
}

// Windows behind a sign are windows.
TEST(SparqSystolic, TakesSignedWindows) {
  Layer layer = conv(4096, 16, 9, 64);
  const Parameters& p = require_machine("sparq-systolic").defaults;
  const std::int64_t plain = require_machine("sparq-systolic").time(layer, p).cycles;
  layer.windows = true;
  layer.activation_bits = 5;
  EXPECT_LT(require_machine("sparq-systolic").time(layer, p).cycles, 0.51 * static_cast<double>(plain));
  BITSIEVE_COMPARE(require_machine("stripes").time(layer, require_machine("stripes").defaults).cycles,
                   4096 / 16 * 1 * 9 * 4 * 8);
}

TEST(Sparq, ElementsHaveTheWindowsTheyWereMadeFor) {
  Layer layer = conv(64, 16, 9, 64);
  LayerCode code;
  code.act_code = "sparq-3opt";
  code.transform.active = true;
  for (int x = 0; x < 256; ++x) {
    const int shift = x >= 64 ? 4 : x >= 16 ? 2 : 0;  // 3opt without pairs
    code.transform.pair[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(x >> shift << shift);
  }
  layer = with_weights(layer, [](std::int64_t, std::int64_t) { return 1; });
  layer.code = &code;
  layer.windows = true;
  layer.activation_bits = 4;
  for (const char* name : {"sparq-systolic", "sparq-dot-product", "sparq-sparse-dot-product"}) {
    const Machine& machine = require_machine(name);
    Parameters p = machine.defaults;
    EXPECT_GT(machine.time(layer, p).counts.at((p.name == "sparq-systolic" ? "element-sparq" : "element-" + p.name) +
                                               "-5opt"),
              0);
    p.windows = Windows::opt3;
    EXPECT_GT(machine.time(layer, p).cycles, 0);
    p.windows = Windows::opt2;
    std::string refusal;
    try {
      machine.time(layer, p);
    } catch (const Error& e) {
      refusal = e.what();
    }
    EXPECT_EQ(refusal, "layer 'conv' has windows of 'sparq-3opt', which elements with windows = \"2opt\" (machine '" +
                           std::string(name) + "') do not have; \"3opt\" have them");
  }
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
  BITSIEVE_COMPARE(cycles("swis-single"), (4 + 3) * 9 * 2 + 14);
  BITSIEVE_COMPARE(cycles("swis-double"), (2 + 2) * 9 * 2 + 14);
  // In another order the slow ones share a block.
  code.shifts.filter = {7, 15, 8, 9, 10, 11, 12, 13, 14, 0, 1, 2, 3, 4, 5, 6};
  code.shifts.shifts = {4, 3, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1};
  BITSIEVE_COMPARE(cycles("swis-single"), (4 + 2) * 9 * 2 + 14);
  // Weight-serial machines take every bit of a number.
  BITSIEVE_COMPARE(cycles("weight-serial"), 2 * 7 * 9 * 2 + 14);
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
  BITSIEVE_COMPARE(machine.time(layer, machine.defaults).cycles, (3 + 4) * 9 + 14);  // filters 0 and 1, then 2 and 3
  Parameters one = machine.defaults;
  one.columns = 1;
  BITSIEVE_COMPARE(machine.time(layer, one).cycles, (3 + 1 + 4 + 2) * 9 + 7);
}

// A machine that is serial over b bits takes b times the cycles of one bit.
TEST(Stripes, IsProportionalToBits) {
  Layer layer = conv(64, 32, 9, 32);
  const Parameters p = require_machine("stripes").defaults;
  const auto cycles = [&](int bits) {
    layer.activation_bits = bits;
    return require_machine("stripes").time(layer, p).cycles;
  };
  for (int bits = 2; bits <= 8; ++bits) BITSIEVE_COMPARE(cycles(bits), bits * cycles(1));
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

// Two of four weights: twice the positions a cycle, and twice again behind windows; one group of three and nothing.
TEST(SparseDotProduct, NeedsAllGroupsSparse) {
  const auto cycles = [](const char* machine, const Layer& layer) {
    return require_machine(machine).time(layer, require_machine(machine).defaults).cycles;
  };
  Layer layer = with_weights(conv(16, 4, 9, 32), [](auto, auto k) { return k % 4 < 2 ? 5 : 0; });
  BITSIEVE_COMPARE(cycles("dot-product", layer), 4 * 9 * 8);
  BITSIEVE_COMPARE(cycles("sparse-dot-product", layer), 4 * 9 * 4);
  BITSIEVE_COMPARE(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 4);
  layer.windows = true;  // of neighbours, whatever the weights
  BITSIEVE_COMPARE(cycles("sparq-dot-product", layer), 4 * 9 * 4);
  BITSIEVE_COMPARE(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 4);
  layer.windows_of_kept = true;
  BITSIEVE_COMPARE(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 2);  // D.6: 16 positions a cycle
  layer.windows_of_kept = false;
  layer = with_weights(layer, [](auto f, auto k) { return k % 4 < 2 || (f == 3 && k == 287) ? 5 : 0; });
  BITSIEVE_COMPARE(cycles("sparse-dot-product", layer), 4 * 9 * 8);
  BITSIEVE_COMPARE(cycles("sparq-sparse-dot-product", layer), 4 * 9 * 4);
  // The rest of a filter that is not a multiple of four.
  layer = with_weights(conv(4, 4, 1, 6), [](auto, auto k) { return k % 4 < 2 ? 5 : 0; });
  BITSIEVE_COMPARE(cycles("sparse-dot-product", layer), 1);
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
  BITSIEVE_COMPARE(c.cycles, single.cycles);
  BITSIEVE_COMPARE(single.counts.at("shift-32"), 3 * c.counts.at("shift-32"));
  BITSIEVE_COMPARE(c.counts.at("shift-32"), 8 * 8 * 18);
  BITSIEVE_COMPARE(c.counts.at("weight-buffer-bit"), 8 * 18 * (3 * 4 + 4 + 3));
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
  BITSIEVE_COMPARE(cycles([](auto, auto) { return 0; }), 18);
  BITSIEVE_COMPARE(cycles([](auto, auto) { return -127; }), 7 * 18);
  BITSIEVE_COMPARE(cycles([](auto, auto k) { return k % 8 == 3 ? -64 : k % 8 == 7 ? 1 : 0; }), 2 * 18);
  // One filter with three columns in a single group keeps the others waiting there.
  BITSIEVE_COMPARE(cycles([](auto f, auto k) { return f == 5 && k == 20 ? 7 : 1; }), 17 + 3);
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
    for (int w = 1; w <= 8; ++w) BITSIEVE_COMPARE(cycles(a, w), a * w * (4 * 2 * 9 * 2));
  }
}

TEST(BitFusion, FusesAsManyAsAreNeeded) {
  Layer layer = conv(16, 16, 9, 32);
  const auto steps = [&](int activation, int weight) {
    layer.activation_bits = activation;
    layer.weight_bits = weight;
    return require_machine("bit-fusion").time(layer, require_machine("bit-fusion").defaults).cycles - 30;
  };
  BITSIEVE_COMPARE(steps(8, 8), 288);
  BITSIEVE_COMPARE(steps(5, 6), 288);
  BITSIEVE_COMPARE(steps(8, 4), 144);
  BITSIEVE_COMPARE(steps(4, 4), 72);
  BITSIEVE_COMPARE(steps(8, 2), 72);
  BITSIEVE_COMPARE(steps(4, 2), 36);
  BITSIEVE_COMPARE(steps(2, 2), 18);
  BITSIEVE_COMPARE(steps(3, 1), 36);
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
    BITSIEVE_COMPARE(row.busy, array.busy);
    EXPECT_LE(array.busy, array.slots);
    BITSIEVE_COMPARE(row.counts.at("weight-buffer-bit"), array.counts.at("weight-buffer-bit"));
    // A convolution does not change.
    const Layer more = conv(2, 1000, 1, 512);
    const std::int64_t cycles = require_machine(name).time(more, p).cycles;
    p.vectors = Vectors::row;
    BITSIEVE_COMPARE(require_machine(name).time(more, p).cycles, cycles);
  }
}

}  // namespace
}  // namespace bitsieve::accel
