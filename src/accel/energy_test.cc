#include "accel/energy.h"

#include <gtest/gtest.h>

#include "accel/machines.h"
#include "accel/test_compare.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

constexpr const char* small = R"(id = "mine"
dram-range = [1, 3]
[[entry]]
id = "mul-8x8"
value = 2
node = "none"
source = "a test"
[[entry]]
id = "dram-bit"
value = 2
node = "none"
source = "a test"
[[sram]]
bytes = 1024
bits = 8
read = 8
write = 16
leakage = 1
node = "none"
source = "a test"
[[sram]]
bytes = 1048576
bits = 8
read = 32
write = 16
leakage = 1
node = "none"
source = "a test"
)";

std::string error_of(std::string text) {
  try {
    parse_energy_table(text, "e.toml");
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

std::string changed_text(const std::string& from, const std::string& to) {
  std::string text = small;
  return text.replace(text.find(from), from.size(), to);
}

std::string changed(const std::string& from, const std::string& to) { return error_of(changed_text(from, to)); }

TEST(EnergyTable, SetsOfTheProgramAreWhole) {
  Layer layer;
  layer.channels = 8;
  for (const EnergySet& set : energy_sets()) {
    const EnergyTable table = parse_energy_table(set.toml, std::string(set.id));
    EXPECT_EQ(table.id, set.id);
    // Every machine finds what it counts, and every number its source.
    for (const Machine& machine : machines()) {
      const std::vector<std::uint8_t> input(8, 77);
      const std::vector<std::int8_t> weights(8, -3);
      layer.input = input;
      layer.weights = weights;
      const Timing timing = machine.time(layer, machine.defaults);
      EXPECT_GT(total(energy_of(table, machine.defaults, timing.counts, 1)), 0) << machine.name;
    }
    for (const EnergyEntry& e : table.entries) EXPECT_FALSE(e.source.empty() || e.node.empty()) << e.id;
    for (const SramEntry& s : table.srams) EXPECT_FALSE(s.source.empty() || s.node.empty()) << s.bytes;
    EXPECT_LE(table.dram_lowest, table.entry("dram-bit").value);
    EXPECT_GE(table.dram_highest, table.entry("dram-bit").value);
  }
}

// CACTI's figures for low operating power are up to three times below Horowitz's for 8 KB, 32 KB and 1 MB.
TEST(EnergyTable, BuffersAreOfTheKnownOrder) {
  const EnergyTable table = parse_energy_table(energy_sets()[0].toml, "set");
  const struct {
    std::int64_t kib;
    double horowitz;
  } rows[] = {{8, 10}, {32, 20}, {1024, 100}};
  for (const auto& row : rows) {
    const double ratio = row.horowitz / table.sram(row.kib * 1024).read_pj;
    EXPECT_GT(ratio, 1) << row.kib;  // low operating power
    EXPECT_LT(ratio, 3.2) << row.kib;
  }
}

TEST(EnergyTable, EnergyIsCountsTimesTable) {
  const EnergyTable table = parse_energy_table(small, "e.toml");
  Parameters p;
  p.weight_buffer_kib = 1;
  p.activation_buffer_kib = 32;  // half way on the logarithmic scale
  p.clock_mhz = 100;
  const Counts counts = {{"mul-8x8", 10},
                         {"dram-bit", 5},
                         {"weight-buffer-bit", 3},
                         {"weight-buffer-write-bit", 1},
                         {"activation-buffer-bit", 4},
                         {"activation-buffer-write-bit", 2}};
  const Energy energy = energy_of(table, p, counts, 200);
  BITSIEVE_COMPARE(energy.at("compute"), 20);
  BITSIEVE_COMPARE(energy.at("dram"), 10);
  BITSIEVE_COMPARE(energy.at("weight buffer"), 3 * 1 + 1 * 2);
  EXPECT_NEAR(energy.at("activation buffer"), 4 * 2 + 2 * 2, 1e-9);
  BITSIEVE_COMPARE(energy.at("leakage"), 2 * 200 / 100.0 * 1000);  // mW x us = nJ
  EXPECT_NEAR(total(energy), 20 + 10 + 5 + 12 + 4000, 1e-9);
}

// A table that knows the element takes it whole; one that does not takes its operations.
TEST(EnergyTable, CountsElementsWholeWhereItKnowsThem) {
  const EnergyTable without = parse_energy_table(small, "e.toml");
  EnergyTable with = without;
  with.entries.push_back({"element-x-4", 7, "45 nm", "a test", ""});
  Parameters p;
  p.weight_buffer_kib = p.activation_buffer_kib = 4;
  const Counts counts = {{"mul-8x8", 10}, {"element-x-4", 3}};
  EXPECT_FALSE(by_element(without, counts));
  EXPECT_TRUE(by_element(with, counts));
  BITSIEVE_COMPARE(energy_of(without, p, counts, 1).at("compute"), 20);
  BITSIEVE_COMPARE(energy_of(with, p, counts, 1).at("compute"), 21);
  BITSIEVE_COMPARE(energy_of(with, p, {{"mul-8x8", 10}, {"element-x-8", 3}}, 1).at("compute"), 20);
}

TEST(EnergyTable, SaysWhatIsMissing) {
  const EnergyTable table = parse_energy_table(small, "e.toml");
  const auto missing = [&](const Counts& counts, std::int64_t kib) {
    Parameters p;
    p.weight_buffer_kib = p.activation_buffer_kib = kib;
    try {
      energy_of(table, p, counts, 1);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(missing({{"shift-16", 1}}, 4), "energy table 'mine' has no entry 'shift-16', which this machine needs");
  EXPECT_EQ(missing({}, 2048), "energy table 'mine' has no memory of 2097152 bytes; its largest has 1048576");
  EXPECT_EQ(parse_energy_table(changed_text("bytes = 1024", "bytes = 2048"), "e.toml").sram(2048).read_pj, 8);
  EXPECT_THROW(parse_energy_table(changed_text("bytes = 1024", "bytes = 2048"), "e.toml").sram(1024), Error);
  EXPECT_EQ(changed("source = \"a test\"", ""), "'e.toml' line 3: [[entry]] has no source");
  EXPECT_EQ(changed("value = 2", "value = -1"), "'e.toml' line 5: value in [[entry]] must be a number of 0 or more");
  EXPECT_EQ(changed("value = 2", "value = 2\ncolour = 1"),
            "'e.toml' line 6: unknown key 'colour' in [[entry]]; allowed are id, value, node, source, note");
  EXPECT_EQ(changed("\"dram-bit\"", "\"mul-8x8\""), "'e.toml' line 8: a second entry 'mul-8x8'");
  EXPECT_EQ(changed("bytes = 1048576", "bytes = 1024"),
            "'e.toml' line 21: [[sram]] of 1024 bytes after one of 1024; they go from small to large");
  EXPECT_EQ(changed("[1, 3]", "[3, 1]"),
            "'e.toml' line 2: dram-range in the file must be two numbers, pJ a bit: [lowest, highest]");
  EXPECT_EQ(changed("dram-range", "range"),
            "'e.toml' line 2: unknown key 'range' in the file; allowed are id, dram-range, entry, sram");
}

}  // namespace
}  // namespace bitsieve::accel
