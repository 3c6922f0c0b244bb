// A network on a machine.
#pragma once
#include <vector>

#include "accel/energy.h"
#include "accel/layer.h"
#include "accel/machines.h"
#include "accel/memory.h"

namespace bitsieve::accel {

struct LayerReport {
  std::string name;
  std::int64_t macs = 0;
  double compute = 0, stall = 0;  // cycles
  double busy = 0, slots = 0;     // of processing elements: utilization is busy / slots
  Traffic traffic;
  Counts counts;  // those of the timing and of DRAM
  Energy energy;  // pJ
  double cycles() const { return compute + stall; }
};

struct Report {
  Parameters parameters;
  std::string energy_table;
  std::vector<LayerReport> layers;
  LayerReport total;  // sums; the name is the network's
  // Of total.energy with DRAM at both ends of the table's range.
  double lowest_pj = 0, highest_pj = 0;
};

// Of several images on one machine. At least one.
Report mean(const std::vector<Report>& reports);

// Layers one after the other, each alone. Throws Error for a layer the machine cannot run, and for what the table
// lacks.
Report simulate(const std::vector<Layer>& layers, const Parameters& parameters, const EnergyTable& table);

}  // namespace bitsieve::accel
