#include "cli/scalesim_reports.h"

#include <fmt/format.h>

namespace bitsieve::cli {

std::string compute_report(const accel::Report& report) {
  std::string text = "LayerID, Total Cycles, Stall Cycles, Overall Util %, Compute Util %,\n";
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    const accel::LayerReport& r = report.layers[i];
    const double compute = r.slots > 0 ? 100 * r.busy / r.slots : 0;
    text += fmt::format("{}, {:.0f}, {:.0f}, {}, {},\n", i, r.cycles(), r.stall,
                        r.cycles() > 0 ? compute * r.compute / r.cycles() : 0, compute);
  }
  return text;
}

std::string bandwidth_report(const accel::Report& report) {
  std::string text =
      "LayerID, Avg IFMAP SRAM BW, Avg FILTER SRAM BW, Avg OFMAP SRAM BW, Avg IFMAP DRAM BW, Avg FILTER DRAM BW, Avg "
      "OFMAP "
      "DRAM BW,\n";
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    const accel::LayerReport& r = report.layers[i];
    const auto bytes = [&](const char* id) {
      const auto found = r.counts.find(id);
      return found == r.counts.end() ? 0 : found->second / 8;
    };
    const double cycles = r.cycles();
    text += fmt::format("{}, {}, {}, {}, {}, {}, {},\n", i, bytes("activation-buffer-bit") / cycles,
                        bytes("weight-buffer-bit") / cycles,
                        (bytes("activation-buffer-write-bit") - r.traffic.input) / cycles, r.traffic.input / cycles,
                        r.traffic.weights / cycles, r.traffic.output / cycles);
  }
  return text;
}

}  // namespace bitsieve::cli
