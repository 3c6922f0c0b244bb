// What a machine computes of a layer, bit for bit: its elements' arithmetic on the network's own integers.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "accel/machine.h"

namespace bitsieve::accel {

// Some outputs of a layer: index of each, pixel * filters + filter, pixels by rows. Weights, the values of an image
// and, where the layer has one, its code have to be there (Layer::weights, input, code). Sums are without bias, in the
// network's integers. Throws Error for what the machine cannot compute, and where values are missing.
std::vector<Output> outputs_of(const Layer& layer, const Parameters& parameters, std::span<const std::int64_t> outputs);

}  // namespace bitsieve::accel
