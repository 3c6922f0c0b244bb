// THE TABLE of machines. Adding one is a file in machines/ and a line in machines.cc.
#pragma once
#include <span>
#include <string>

#include "accel/machine.h"

namespace bitsieve::accel {

std::span<const Machine> machines();

// Throws Error that lists the names.
const Machine& require_machine(const std::string& name);

// Throws Error where the layer's windows are cut in a way that the machine has no units for: it would compute other
// numbers than the network's.
void require_runnable(const Machine& machine, const Layer& layer);

}  // namespace bitsieve::accel
