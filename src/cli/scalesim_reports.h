// Reports as files in the form of SCALE-Sim's, for scripts that read those.
#pragma once
#include <string>

#include "accel/simulate.h"

namespace bitsieve::cli {

// COMPUTE_REPORT.csv: a line for each layer. Cycles are counts here (SCALE-Sim has the index of the last one, one
// less), stalls are part of them, and utilization is that of processing elements, with and without stalls. Without
// SCALE-Sim's mapping efficiency, which not all machines have.
std::string compute_report(const accel::Report& report);

// BANDWIDTH_REPORT.csv: bytes a cycle, on the average over the layer's cycles. Activations read for partial sums, and
// outputs on their way to DRAM, count with the inputs.
std::string bandwidth_report(const accel::Report& report);

}  // namespace bitsieve::cli
