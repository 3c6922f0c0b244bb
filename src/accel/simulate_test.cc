// Memory beside a machine, and reports of whole networks.
#include "accel/simulate.h"

#include <gtest/gtest.h>

#include <chrono>

#include "accel/machines.h"
#include "accel/memory.h"
#include "accel/test_compare.h"
#include "accel/test_layers.h"
#include "accel/testdata/scalesim.h"
#include "accel/topology.h"

namespace bitsieve::accel {
namespace {

using test::conv, test::with_values;

// Machines that multiply hold 8 bits a weight, whatever the file has; those that shift hold what the file has.
TEST(Memory, HoldsWeightsAsTheMachineReadsThem) {
  Layer layer = conv(1, 512, 1, 64);  // 32 KiB of weights
  layer.weight_bytes = 10000;
  layer.input_values = 100000;
  Parameters p;
  p.weight_buffer_kib = 32;  // half of it is worked on
  const Traffic packed = dram_traffic(layer, p, Held::packed), unpacked = dram_traffic(layer, p, Held::unpacked);
  BITSIEVE_COMPARE(packed.weights, 10000);
  BITSIEVE_COMPARE(unpacked.weights, 20000);  // two parts of the input, against 100000 bytes more of those
  BITSIEVE_COMPARE(buffered_weight_bits(layer, packed, Held::packed), 80000);
  BITSIEVE_COMPARE(buffered_weight_bits(layer, unpacked, Held::unpacked), 2 * 8 * 512 * 64);
}

TEST(Memory, LoadsAgainWhatDoesNotFit) {
  Parameters p;
  p.weight_buffer_kib = 2;
  p.activation_buffer_kib = 2;  // half of each is worked on
  Layer layer = conv(1, 1, 1, 1);
  layer.weight_bytes = 1000;
  layer.input_values = 1024;
  layer.output_values = 7;
  BITSIEVE_COMPARE(dram_traffic(layer, p, Held::packed).bytes(), 1000 + 1024 + 7);
  layer.input_values = 1025;  // two parts: the weights fit, so they stay, and nothing comes twice
  BITSIEVE_COMPARE(dram_traffic(layer, p, Held::packed).bytes(), 1000 + 1025 + 7);
  layer.weight_bytes = 3000;  // three parts and two: weights twice, or the input three times
  BITSIEVE_COMPARE(dram_traffic(layer, p, Held::packed).bytes(), 3000 + 3 * 1025 + 7);
  layer.input_values = 2000;
  BITSIEVE_COMPARE(dram_traffic(layer, p, Held::packed).bytes(), 2 * 3000 + 2000 + 7);
  p.double_buffered = false;
  BITSIEVE_COMPARE(dram_traffic(layer, p, Held::packed).bytes(), 3000 + 2000 + 7);
  p.dram_latency_ns = 10;
  p.dram_gb_per_s = 1;  // a byte a cycle
  BITSIEVE_COMPARE(stall_cycles({100, 20, 30}, p, 60), 10 + 150);
  p.double_buffered = true;
  BITSIEVE_COMPARE(stall_cycles({100, 20, 30}, p, 60), 10 + 90);
  BITSIEVE_COMPARE(stall_cycles({100, 20, 30}, p, 600), 10);
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
    const auto near = [&](const char* what, double expected, double measured) {
      test::compare(fmt::format("{}: {}", machine.name, what), test::Is::at_least, expected * (1 - 1e-9), measured);
      test::compare(fmt::format("{}: {}", machine.name, what), test::Is::at_most, expected * (1 + 1e-9), measured);
    };
    near("energy of operations", compute, report.total.energy.at("compute"));
    near("energy of layers", layers, total(report.total.energy));
    near("energy of DRAM", 8 * report.total.traffic.bytes() * table.entry("dram-bit").value,
         report.total.energy.at("dram"));
  }
}

// What people wait for: a network of ResNet-18's size on all machines, one after the other on one processor. Limits are
// more than ten times what it takes.
TEST(Report, OfResNet18IsThereInTime) {
  const EnergyTable table = parse_energy_table(energy_sets()[0].toml, "set");
  std::vector<Layer> layers;
  for (const Layer& layer : parse_topology(scalesim::resnet18, "topology")) layers.push_back(with_values(layer));
  std::map<Reads, double> seconds;
  for (const Machine& machine : machines()) {
    const auto start = std::chrono::steady_clock::now();
    const Report report = simulate(layers, machine.defaults, table);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    EXPECT_GT(report.total.cycles(), 0);
    seconds[machine.reads] += taken.count();
    fmt::print("{} {:.3f}\n", machine.name, taken.count());
  }
  test::compare("seconds, closed form", test::Is::at_most, 1, seconds[Reads::shapes] + seconds[Reads::weights]);
  test::compare("seconds, by values", test::Is::at_most, 10, seconds[Reads::activations]);
}

}  // namespace
}  // namespace bitsieve::accel
