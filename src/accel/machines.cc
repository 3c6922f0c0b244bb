#include "accel/machines.h"

#include "accel/machines/rows.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

Parameters array(const char* machine, std::int64_t rows, std::int64_t columns, std::int64_t lanes) {
  Parameters p;
  p.machine = p.name = machine;
  p.rows = rows;
  p.columns = columns;
  p.lanes = lanes;
  return p;
}

const Machine table[] = {
    {"systolic-os", "8-bit systolic array, output stationary: rows are pixels, columns filters",
     array("systolic-os", 16, 16, 1), false, time_systolic_os},
    {"systolic-ws", "8-bit systolic array, weight stationary: rows are weights of a filter, columns filters",
     array("systolic-ws", 16, 16, 1), false, time_systolic_ws},
    {"systolic-is", "8-bit systolic array, input stationary: rows are values of a window, columns pixels",
     array("systolic-is", 16, 16, 1), false, time_systolic_is},
    {"sparq-systolic", "SPARQ systolic array, output stationary: two windows a cycle, or one 8-bit value",
     array("sparq-systolic", 16, 16, 2), false, time_sparq_systolic},
    {"dot-product", "tensor-core-like units: rows x columns dot products of `lanes` 8-bit products a cycle",
     array("dot-product", 4, 4, 4), false, time_dot_product},
    {"sparq-dot-product", "the same with SPARQ pairs: twice as many products a cycle",
     array("sparq-dot-product", 4, 4, 4), false, time_sparq_dot_product},
    {"weight-serial", "bit-serial over the weights' magnitudes, groups of `lanes` products",
     array("weight-serial", 8, 8, 4), false, time_weight_serial},
    {"swis-single", "SWIS, a shift of a group each cycle", array("swis-single", 8, 8, 4), false, time_swis_single},
    {"swis-double", "SWIS, two shifts of a group each cycle", array("swis-double", 8, 8, 4), false, time_swis_double},
    {"stripes", "bit-serial over activations (Stripes): rows are filters, columns pixels", array("stripes", 16, 16, 16),
     false, time_stripes},
    {"bit-pragmatic", "a cycle for each set bit of an activation: rows are filters, columns pixels",
     array("bit-pragmatic", 16, 16, 16), true, time_bit_pragmatic},
    {"laconic", "a cycle for each pair of set bits of an activation and its weight: rows are filters, columns pixels",
     array("laconic", 16, 16, 16), true, time_laconic},
};

}  // namespace

std::span<const Machine> machines() { return table; }

const Machine& require_machine(const std::string& name) {
  std::string names;
  for (const Machine& machine : machines()) {
    if (machine.name == name) return machine;
    names += (names.empty() ? "" : ", ") + std::string(machine.name);
  }
  fail("there is no machine '{}'; there are {}", name, names);
}

}  // namespace bitsieve::accel
