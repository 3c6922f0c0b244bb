#include "cli/machine_options.h"

#include <fmt/ranges.h>

#include "accel/machines.h"
#include "base/error.h"
#include "base/files.h"
#include "cli/report.h"
#include "quant/model.h"

namespace bitsieve::cli {

accel::Parameters machine_from(const std::string& name_or_file) {
  const auto defaults = [](const std::string& machine) -> const accel::Parameters& {
    return accel::require_machine(machine).defaults;
  };
  if (!name_or_file.ends_with(".toml")) return defaults(name_or_file);
  return accel::parse_parameters(read_file(name_or_file, most_text), name_or_file, defaults);
}

ChosenTable energy_table_from(const std::string& file) {
  ChosenTable chosen;
  std::string ids;
  for (const accel::EnergySet& set : accel::energy_sets()) {
    ids += (ids.empty() ? "" : ", ") + std::string(set.id);
    if (!chosen.text.empty() || (!file.empty() && file != set.id)) continue;
    chosen.text = set.toml;
  }
  if (chosen.text.empty() && !file.ends_with(".toml"))
    fail("there is no energy table '{}'; there are {}, and files that end in .toml", file, ids);
  if (chosen.text.empty()) chosen.text = read_file(file, most_text);
  chosen.table = accel::parse_energy_table(chosen.text, file.empty() ? "the program's own" : file);
  return chosen;
}

std::string array_of(const accel::Parameters& p) {
  return fmt::format("{}{} x {} x {}", p.units > 1 ? fmt::format("{} x ", p.units) : "", p.rows, p.columns, p.lanes);
}

std::string basis_of(std::int64_t images, const accel::EnergyTable& table) {
  return fmt::format("for one image{}; energy table {}, DRAM {:.3g} pJ a bit ({})",
                     images == 0 ? "" : fmt::format(", mean of {}", images), table.id, table.entry("dram-bit").value,
                     table.dram_highest > 0 ? fmt::format("{:.3g} to {:.3g}", table.dram_lowest, table.dram_highest)
                                            : "no range given");
}

bool warn_of_processes(const Options& options, const accel::EnergyTable& table, const accel::Report& report) {
  const std::vector<std::string> nodes = accel::processes(table, report.parameters, report.total.counts);
  if (nodes.size() < 2) return false;
  warn(options, fmt::format("energy table '{}' has entries of different processes, and '{}' adds them up: {}", table.id,
                            report.parameters.name, fmt::join(nodes, ", ")));
  return true;
}

void warn_of_uncounted(const Options& options, const Graph& graph) {
  std::int64_t left_out = 0;
  for (const Node& node : graph.nodes) left_out += has_weights(node) ? 0 : macs(graph, node);
  if (left_out > 0) warn(options, fmt::format("{} multiplications of two activations each are not counted", left_out));
}

}  // namespace bitsieve::cli
