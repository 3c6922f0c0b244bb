// libFuzzer target: any bytes are an Error, or a topology, machine or energy table; machines can be written and read
// again, and every machine runs the layers of a topology. The first byte chooses the parser. Built with
// -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the files of tests/fuzz/accel.
#include <cstdint>
#include <cstdlib>

#include "accel/energy.h"
#include "accel/machines.h"
#include "accel/topology.h"
#include "base/error.h"

namespace {

using namespace bitsieve;

void run(std::uint8_t which, std::string_view bytes) {
  if (which % 3 == 0) {
    for (const accel::Layer& layer : accel::parse_topology(bytes, "fuzz")) {
      // Time grows with the number of tiles.
      if (layer.filters > 100000) continue;
      for (const accel::Machine& machine : accel::machines()) {
        if (machine.reads == accel::Reads::shapes && machine.time(layer, machine.defaults).cycles <= 0) std::abort();
      }
    }
  } else if (which % 3 == 1) {
    const auto defaults = [](const std::string& machine) -> const accel::Parameters& {
      return accel::require_machine(machine).defaults;
    };
    const std::string written = to_toml(accel::parse_parameters(bytes, "fuzz", defaults));
    if (to_toml(accel::parse_parameters(written, "fuzz", defaults)) != written) std::abort();
  } else {
    const accel::EnergyTable table = accel::parse_energy_table(bytes, "fuzz");
    accel::energy_of(table, {}, {{"mul-8x8", 1.0}}, 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const bitsieve::Error&) {
  }
  return 0;
}
