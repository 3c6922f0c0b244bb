// Skeleton of an accelerator: a row for the table of src/accel/machines.cc. To add yours, put its function into a file
// of its own in src/accel/machines/, declare it in rows.h and give it a line in the table; the tests that hold for
// every machine (src/accel/machines_test.cc) then run on it, and `bitsieve simulate` shows it.
//
// This one multiplies one pair of numbers a cycle.
#include <cstdio>

#include "accel/simulate.h"

namespace {

using namespace bitsieve::accel;

Timing time_one(const Layer& layer, const Parameters&) {
  const auto macs = static_cast<double>(layer.macs());
  Timing timing;
  timing.cycles = layer.macs();
  timing.busy = timing.slots = macs;
  timing.counts = {{"mul-8x8", macs},
                   {"add-32", macs},
                   {"weight-buffer-bit", 8 * macs},
                   {"activation-buffer-bit", 8 * macs},
                   {"activation-buffer-write-bit", 8.0 * static_cast<double>(layer.output_values)}};
  return timing;
}

// What it computes: `bitsieve simulate --check` compares this with the network.
Output output_one(const Operands& operands, const Parameters&) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < operands.used.size(); ++k) sum += operands.used[k] * operands.weights[k];
  return {sum, static_cast<std::int64_t>(operands.used.size())};
}

const Machine mine{.name = "one-multiplier",
                   .description = "one product a cycle",
                   .defaults = {},
                   .reads = Reads::shapes,  // closed form: no weights and no image needed
                   .held = Held::unpacked,  // 8 bits a weight in the buffer
                   .time = time_one,
                   .output = output_one};

}  // namespace

int main() {
  Layer layer;
  layer.pixels = 196;
  layer.filters = 64;
  layer.taps = 9;
  layer.channels = 32;
  layer.output_values = layer.pixels * layer.filters;
  const Timing own = mine.time(layer, mine.defaults),
               array = require_machine("systolic-os").time(layer, require_machine("systolic-os").defaults);
  const EnergyTable table = parse_energy_table(energy_sets().front().toml, "the program's own");
  std::printf("%lld cycles and %.2f uJ; a systolic array: %lld cycles and %.2f uJ\n",
              static_cast<long long>(own.cycles),
              total(energy_of(table, mine.defaults, own.counts, static_cast<double>(own.cycles))) / 1e6,
              static_cast<long long>(array.cycles),
              total(energy_of(table, mine.defaults, array.counts, static_cast<double>(array.cycles))) / 1e6);
  return own.cycles > array.cycles ? 0 : 1;
}
