#include "search/machine_cost.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/trace.h"
#include "search/machine_check.h"

namespace bitsieve {

bool reads_values(const accel::Parameters& machine) {
  return accel::require_machine(machine.machine).reads == accel::Reads::activations;
}

std::vector<MachineCost> machine_costs(const std::vector<accel::Layer>& layers,
                                       std::span<const accel::Parameters> machines, const accel::EnergyTable& table) {
  std::vector<MachineCost> costs(machines.size());
  for (std::size_t m = 0; m < machines.size(); ++m) {
    try {
      costs[m].report = accel::simulate(layers, machines[m], table);
    } catch (const Error& e) {
      costs[m].reason = e.what();
    }
  }
  return costs;
}

std::vector<MachineCost> machine_costs(const QuantizedModel& model, std::span<const accel::Parameters> machines,
                                       const accel::EnergyTable& table, const ImageSet& images,
                                       const std::function<void(std::int64_t done)>& progress) {
  std::vector<accel::Layer> layers;
  try {
    layers = accel::layers_of(model);
  } catch (const Error& e) {
    return std::vector<MachineCost>(machines.size(), MachineCost{{}, e.what()});
  }
  if (images.size == 0 || std::none_of(machines.begin(), machines.end(), reads_values))
    return machine_costs(layers, machines, table);
  std::vector<MachineCost> costs(machines.size());
  std::vector<std::vector<accel::Report>> reports(machines.size());
  const std::vector<NodeRunner> runners = node_runners(model);
  Trace trace(model);
  std::vector<float> picture(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input))));
  for (std::int64_t i = 0; i < images.size; ++i) {
    images.image(i, picture);
    trace.run(runners, picture);
    const std::vector<std::vector<std::uint8_t>> inputs = layer_inputs(model, trace, layers);
    for (std::size_t l = 0; l < inputs.size(); ++l) layers[l].input = inputs[l];
    for (std::size_t m = 0; m < machines.size(); ++m) {
      if ((i > 0 && !reads_values(machines[m])) || !costs[m].reason.empty()) continue;
      MachineCost cost = std::move(machine_costs(layers, machines.subspan(m, 1), table).front());
      costs[m].reason = std::move(cost.reason);
      if (cost.report) reports[m].push_back(std::move(*cost.report));
    }
    if (progress) progress(i + 1);
  }
  for (std::size_t m = 0; m < machines.size(); ++m) {
    if (costs[m].reason.empty()) costs[m].report = accel::mean(reports[m]);
  }
  return costs;
}

void require_entries(const accel::Parameters& machine, const accel::EnergyTable& table) {
  const std::array<std::int8_t, 1> weight{1};
  const std::array<std::uint8_t, 1> value{1};
  accel::Layer layer;
  layer.name = "one product";
  layer.weight_bytes = 1;
  layer.weights = weight;
  layer.input = value;
  accel::simulate({layer}, machine, table);
  layer.windows = true;  // which other units may multiply
  layer.activation_bits = 4;
  accel::simulate({layer}, machine, table);
}

}  // namespace bitsieve
