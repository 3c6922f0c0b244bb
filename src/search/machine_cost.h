// What a quantized model costs on accelerators, with the values of real images where these decide.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/simulate.h"
#include "eval/image_set.h"
#include "quant/model.h"

namespace bitsieve {

// Cycles and pJ of one image, or why the machine cannot run the model: one line.
struct MachineCost {
  std::optional<accel::Report> report;
  std::string reason;  // empty where there is a report
};

// Whether activations decide the time, so that images are needed.
bool reads_values(const accel::Parameters& machine);

// One for each machine. Layers without values (Layer::input) are refused by the machines that read them.
std::vector<MachineCost> machine_costs(const std::vector<accel::Layer>& layers,
                                       std::span<const accel::Parameters> machines, const accel::EnergyTable& table);

// Machines that read values get the mean over all `images`; the others look at none, and where there are only such, no
// image is read. A model with float layers is refused by all.
std::vector<MachineCost> machine_costs(const QuantizedModel& model, std::span<const accel::Parameters> machines,
                                       const accel::EnergyTable& table, const ImageSet& images,
                                       const std::function<void(std::int64_t done)>& progress = {});

// Throws Error where the machine cannot run even a layer of one product: the table lacks what the machine needs.
void require_entries(const accel::Parameters& machine, const accel::EnergyTable& table);

}  // namespace bitsieve
