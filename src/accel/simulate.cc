#include "accel/simulate.h"

namespace bitsieve::accel {
namespace {

void add(LayerReport& sum, const LayerReport& layer) {
  sum.macs += layer.macs;
  sum.compute += layer.compute;
  sum.stall += layer.stall;
  sum.busy += layer.busy;
  sum.slots += layer.slots;
  sum.traffic.weights += layer.traffic.weights;
  sum.traffic.input += layer.traffic.input;
  sum.traffic.output += layer.traffic.output;
  for (const auto& [id, count] : layer.counts) sum.counts[id] += count;
  for (const auto& [part, pj] : layer.energy) sum.energy[part] += pj;
}

void divide(LayerReport& r, double by) {
  r.compute /= by;
  r.stall /= by;
  r.busy /= by;
  r.slots /= by;
  r.traffic.weights /= by;
  r.traffic.input /= by;
  r.traffic.output /= by;
  for (auto& [id, count] : r.counts) count /= by;
  for (auto& [part, pj] : r.energy) pj /= by;
}

}  // namespace

Report mean(const std::vector<Report>& reports) {
  Report result = reports.at(0);
  const auto count = static_cast<double>(reports.size());
  const auto combine = [&](LayerReport& sum, const auto& part) {
    const std::int64_t macs = sum.macs;
    for (std::size_t i = 1; i < reports.size(); ++i) add(sum, part(reports[i]));
    divide(sum, count);
    sum.macs = macs;
  };
  combine(result.total, [](const Report& r) -> const LayerReport& { return r.total; });
  for (std::size_t l = 0; l < result.layers.size(); ++l)
    combine(result.layers[l], [l](const Report& r) -> const LayerReport& { return r.layers[l]; });
  for (std::size_t i = 1; i < reports.size(); ++i) {
    result.lowest_pj += reports[i].lowest_pj;
    result.highest_pj += reports[i].highest_pj;
  }
  result.lowest_pj /= count;
  result.highest_pj /= count;
  return result;
}

Report simulate(const std::vector<Layer>& layers, const Parameters& parameters, const EnergyTable& table) {
  const Machine& machine = require_machine(parameters.machine);
  Report report;
  report.parameters = parameters;
  report.energy_table = table.id;
  report.total.name = "total";
  for (const Layer& layer : layers) {
    require_runnable(machine, layer);
    const Timing timing = machine.time(layer, parameters);
    LayerReport r;
    r.name = layer.name;
    r.macs = layer.macs();
    r.compute = static_cast<double>(timing.cycles);
    r.busy = timing.busy;
    r.slots = timing.slots;
    r.traffic = dram_traffic(layer, parameters, machine.held);
    r.stall = stall_cycles(r.traffic, parameters, r.compute);
    r.counts = timing.counts;
    r.counts["dram-bit"] = 8 * r.traffic.bytes();
    // What comes from DRAM is written to the buffers first; what goes there is read from them.
    r.counts["weight-buffer-write-bit"] += buffered_weight_bits(layer, r.traffic, machine.held);
    r.counts["activation-buffer-write-bit"] += 8 * r.traffic.input;
    r.counts["activation-buffer-bit"] += 8 * r.traffic.output;
    r.energy = energy_of(table, parameters, r.counts, r.cycles());
    add(report.total, r);
    report.layers.push_back(std::move(r));
  }
  const double pj = total(report.total.energy), bits = 8 * report.total.traffic.bytes();
  report.lowest_pj = report.highest_pj = pj;
  if (table.dram_highest > 0) {
    const double without = pj - report.total.energy["dram"];
    report.lowest_pj = without + bits * table.dram_lowest;
    report.highest_pj = without + bits * table.dram_highest;
  }
  return report;
}

}  // namespace bitsieve::accel
