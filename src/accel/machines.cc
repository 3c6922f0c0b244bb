#include "accel/machines.h"

#include "accel/machines/rows.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

using namespace array_key;

// What machines of a kind look at.
constexpr unsigned tiles_of_outputs = rows | columns | drain | partial | depthwise | vectors,
                   stationary = rows | columns | partial, dots = rows | columns | lanes | units | depthwise,
                   sparq_dots = dots | windows, serial = rows | columns | lanes | units,
                   scanning = rows | columns | lanes;

Parameters array(const char* machine, unsigned keys, std::int64_t r, std::int64_t c, std::int64_t l) {
  Parameters p;
  p.machine = p.name = machine;
  p.keys = keys;
  p.rows = r;
  p.columns = c;
  p.lanes = l;
  return p;
}

constexpr std::string_view folds =
    "sums leave with every fold, through the buffer where they go on; depthwise: a channel at a time, in one column";
constexpr std::string_view of_dots = "sums leave with a tile, uncounted; tiles at the edge take as long as whole ones";
constexpr std::string_view of_serial =
    "sums leave uncounted; tiles at the edge take as long as whole ones; depthwise: a filter in a row, tap by tap";

const Machine table[] = {
    {.name = "systolic-os",
     .description = "8-bit systolic array, output stationary: rows are pixels, columns filters",
     .defaults = array("systolic-os", tiles_of_outputs, 16, 16, 1),
     .time = time_systolic_os,
     .output = output_systolic_os},
    {.name = "systolic-ws",
     .description = "8-bit systolic array, weight stationary: rows are weights of a filter, columns filters",
     .fixed = folds,
     .defaults = array("systolic-ws", stationary, 16, 16, 1),
     .time = time_systolic_ws,
     .output = output_systolic_folds},
    {.name = "systolic-is",
     .description = "8-bit systolic array, input stationary: rows are values of a window, columns pixels",
     .fixed = folds,
     .defaults = array("systolic-is", stationary, 16, 16, 1),
     .time = time_systolic_is,
     .output = output_systolic_folds},
    {.name = "sparq-systolic",
     .description = "SPARQ systolic array, output stationary: two windows a cycle, or one 8-bit value",
     .defaults = array("sparq-systolic", tiles_of_outputs | windows, 16, 16, 2),
     .time = time_sparq_systolic,
     .output = output_sparq_systolic},
    {.name = "dot-product",
     .description = "tensor-core-like units: rows x columns dot products of `lanes` 8-bit products a cycle",
     .fixed = of_dots,
     .defaults = array("dot-product", dots, 4, 4, 4),
     .time = time_dot_product,
     .output = output_dot_product},
    {.name = "sparq-dot-product",
     .description = "the same with SPARQ pairs: twice as many products a cycle",
     .fixed = of_dots,
     .defaults = array("sparq-dot-product", sparq_dots, 4, 4, 4),
     .time = time_sparq_dot_product,
     .output = output_sparq_dot_product},
    {.name = "sparse-dot-product",
     .description = "dot products that skip zeros of 2:4 weights: twice as many positions a cycle where all groups are",
     .fixed = of_dots,
     .defaults = array("sparse-dot-product", dots, 4, 4, 4),
     .reads = Reads::weights,
     .time = time_sparse_dot_product,
     .output = output_sparse_dot_product},
    {.name = "sparq-sparse-dot-product",
     .description = "both: a SPARQ pair for the two kept weights of each group of four",
     .fixed = of_dots,
     .defaults = array("sparq-sparse-dot-product", sparq_dots, 4, 4, 4),
     .reads = Reads::weights,
     .cuts_kept = true,
     .time = time_sparq_sparse_dot_product,
     .output = output_sparq_sparse_dot_product},
    {.name = "weight-serial",
     .description = "bit-serial over the weights' magnitudes, groups of `lanes` products",
     .defaults = array("weight-serial", tiles_of_outputs | lanes, 8, 8, 4),
     .held = Held::packed,
     .time = time_weight_serial,
     .output = output_weight_serial},
    {.name = "swis-single",
     .description = "SWIS, a shift of a group each cycle",
     .defaults = array("swis-single", tiles_of_outputs | lanes, 8, 8, 4),
     .held = Held::packed,
     .time = time_swis_single,
     .output = output_swis_single},
    {.name = "swis-double",
     .description = "SWIS, two shifts of a group each cycle",
     .defaults = array("swis-double", tiles_of_outputs | lanes, 8, 8, 4),
     .held = Held::packed,
     .time = time_swis_double,
     .output = output_swis_double},
    {.name = "swis-c",
     .description = "SWIS-C, consecutive shifts: one a cycle, and one shifter use a group",
     .defaults = array("swis-c", tiles_of_outputs | lanes, 8, 8, 4),
     .held = Held::packed,
     .time = time_swis_c,
     .output = output_swis_c},
    {.name = "bitwave",
     .description = "bit-serial over weights, columns of bits that are zero in a whole group skipped (BitWave-like)",
     .defaults = array("bitwave", tiles_of_outputs | lanes, 8, 8, 8),
     .reads = Reads::weights,
     .held = Held::packed,
     .time = time_bitwave,
     .output = output_bitwave},
    {.name = "stripes",
     .description = "bit-serial over activations (Stripes): rows are filters, columns pixels",
     .fixed = of_serial,
     .defaults = array("stripes", serial, 16, 16, 16),
     .time = time_stripes,
     .output = output_stripes},
    {.name = "loom",
     .description = "bit-serial over activations and weights (Loom): rows are filters, columns pixels",
     .fixed = of_serial,
     .defaults = array("loom", serial, 128, 16, 16),
     .held = Held::packed,
     .time = time_loom,
     .output = output_loom},
    {.name = "bit-fusion",
     .description = "fusible 2-bit multipliers, 16 an element (BitFusion-like): rows are pixels, columns filters",
     .defaults = array("bit-fusion", tiles_of_outputs, 16, 16, 1),
     .held = Held::packed,
     .time = time_bit_fusion,
     .output = output_bit_fusion},
    {.name = "bit-pragmatic",
     .description = "a cycle for each set bit of an activation: rows are filters, columns pixels",
     .fixed = of_serial,
     .defaults = array("bit-pragmatic", scanning, 16, 16, 16),
     .reads = Reads::activations,
     .time = time_bit_pragmatic,
     .output = output_bit_pragmatic},
    {.name = "laconic",
     .description =
         "a cycle for each pair of set bits of an activation and its weight: rows are filters, columns pixels",
     .fixed = of_serial,
     .defaults = array("laconic", scanning, 16, 16, 16),
     .reads = Reads::activations,
     .time = time_laconic,
     .output = output_laconic},
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

void require_runnable(const Machine& machine, const Layer& layer) {
  if (!layer.windows_of_kept || machine.cuts_kept) return;
  std::string names;
  for (const Machine& other : machines()) {
    if (other.cuts_kept) names += (names.empty() ? "" : " or ") + std::string(other.name);
  }
  fail(
      "layer '{}' cuts its windows by the weights that are kept (2:4 mode), and machine '{}' has no units for that; "
      "take {}",
      layer.name, machine.name, names);
}

}  // namespace bitsieve::accel
