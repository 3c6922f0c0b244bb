// THE TABLE of machines. Adding one is a file in machines/ and a line in machines.cc.
#pragma once
#include <span>
#include <string>

#include "accel/machine.h"

namespace bitsieve::accel {

std::span<const Machine> machines();

// Throws Error that lists the names.
const Machine& require_machine(const std::string& name);

}  // namespace bitsieve::accel
