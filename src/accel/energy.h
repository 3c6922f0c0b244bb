// Energy as counts times constants, every one with its source.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "accel/machine.h"

namespace bitsieve::accel {

struct EnergyEntry {
  std::string id;      // what Counts are of
  double value = 0;    // pJ each
  std::string node;    // of the process: "45 nm, 0.9 V"
  std::string source;  // where the number is from, or how it was derived
  std::string note;
};

// A memory of a size: what lies between two of these is interpolated, on logarithms of size and energy.
struct SramEntry {
  std::int64_t bytes = 0;
  double read_pj = 0, write_pj = 0;  // of an access
  std::int64_t bits = 64;            // of an access
  double leakage_mw = 0;
  std::string node, source;
};

struct EnergyTable {
  std::string id;  // named in every report
  std::vector<EnergyEntry> entries;
  std::vector<SramEntry> srams;  // by size
  // Of the entry "dram-bit": for a bar beside every result.
  double dram_lowest = 0, dram_highest = 0;

  const EnergyEntry* find(const std::string& name) const;  // null where there is none
  // Throw Error that names what is missing.
  const EnergyEntry& entry(const std::string& name) const;
  SramEntry sram(std::int64_t bytes) const;
};

// TOML: id, dram-range = [lowest, highest], [[entry]] with id, value (pJ), node, source and note, [[sram]] with bytes,
// read, write (pJ an access), bits, leakage (mW), node and source. Throws Error with line and key.
EnergyTable parse_energy_table(std::string_view text, const std::string& origin);

// The tables that come with the program: the first is the default.
struct EnergySet {
  std::string_view id, description, toml;
};
const std::vector<EnergySet>& energy_sets();

// pJ by part: "compute", "weight buffer", "activation buffer", "dram", "leakage" of the buffers.
using Energy = std::map<std::string, double>;

// Whether the processing elements of these counts are counted whole, and not by their operations: where the table has
// an entry for the element.
bool by_element(const EnergyTable& table, const Counts& counts);

// The processes ("45 nm") of what these counts cost, buffers included and DRAM left out: their energies do not add up
// where there is more than one.
std::vector<std::string> processes(const EnergyTable& table, const Parameters& parameters, const Counts& counts);

// counts: of the timing, and "dram-bit"; cycles: with stalls.
Energy energy_of(const EnergyTable& table, const Parameters& parameters, const Counts& counts, double cycles);
double total(const Energy& energy);

}  // namespace bitsieve::accel
