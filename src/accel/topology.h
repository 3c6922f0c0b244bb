// Networks as tables of layer shapes: SCALE-Sim's topology CSV, the exchange format of accelerator simulators.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "accel/layer.h"

namespace bitsieve::accel {

// Lines "name, input height, input width, kernel height, kernel width, channels, filters, stride," after a line of
// column names. There is no padding: sizes are those of the padded image. A last window that hangs over the edge
// counts, as in SCALE-Sim. Weights and activations are 8 bits. Throws Error that names the line.
std::vector<Layer> parse_topology(std::string_view text, const std::string& origin);

}  // namespace bitsieve::accel
