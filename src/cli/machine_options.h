// Machines and energy tables on the command line, as `simulate` and `auto` take them.
#pragma once
#include <cstdint>
#include <string>

#include "accel/energy.h"
#include "accel/parameters.h"
#include "accel/simulate.h"
#include "cli/options.h"
#include "graph/graph.h"

namespace bitsieve::cli {

inline constexpr std::uint64_t most_text = 1 << 22;  // bytes of a file of text
inline constexpr std::int64_t simulated_images = 4;  // unless something else is asked for

// A machine of `bitsieve list` with its defaults, or what a file (.toml) says. Throws Error.
accel::Parameters machine_from(const std::string& name_or_file);

// A file, or where none is given, the program's own; `text`: as it is read. Throws Error.
struct ChosenTable {
  std::string text;
  accel::EnergyTable table;
};
ChosenTable energy_table_from(const std::string& file);

std::string array_of(const accel::Parameters& machine);  // "8 x 8 x 4": rows, columns, lanes

// "for one image, mean of 4; energy table NAME, DRAM 20 pJ a bit (6 to 40)"; images: 0 where no values were looked at.
std::string basis_of(std::int64_t images, const accel::EnergyTable& table);

// Energies of different processes do not add up: whether the report's are such.
bool warn_of_processes(const Options& options, const accel::EnergyTable& table, const accel::Report& report);

// Products of two activations, which no machine counts yet.
void warn_of_uncounted(const Options& options, const Graph& graph);

}  // namespace bitsieve::cli
