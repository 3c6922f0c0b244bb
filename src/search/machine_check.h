// Whether accelerators compute what the network does: outputs made by a machine's own arithmetic beside the network's.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "accel/layer.h"
#include "accel/parameters.h"
#include "eval/trace.h"

namespace bitsieve {

// Layer::input of every layer for the image that `trace` ran.
std::vector<std::vector<std::uint8_t>> layer_inputs(const QuantizedModel& model, const Trace& trace,
                                                    const std::vector<accel::Layer>& layers);

// Computes up to `most` outputs of every layer, spread evenly (all: 0), from the sum on the machine to the requantized
// value, and compares them with what `trace` has. layers: of the model, with their inputs. Returns how many there were.
// Throws Error that names the layer, the output and both numbers where one differs, and for a layer that the machine
// cannot run.
std::int64_t check_machine(const QuantizedModel& model, const Trace& trace, const std::vector<accel::Layer>& layers,
                           const accel::Parameters& machine, std::int64_t most);

// The same on an image, channel-last as Executor::run takes it.
std::int64_t check_machine(const QuantizedModel& model, std::span<const float> image, const accel::Parameters& machine,
                           std::int64_t most);

}  // namespace bitsieve
