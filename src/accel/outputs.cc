#include "accel/outputs.h"

#include "accel/machines.h"
#include "accel/values.h"
#include "base/error.h"

namespace bitsieve::accel {
std::vector<Output> outputs_of(const Layer& layer, const Parameters& p, std::span<const std::int64_t> outputs) {
  const Machine& machine = require_machine(p.machine);
  require_runnable(machine, layer);
  require_values(layer, p.name);
  const auto depth = static_cast<std::size_t>(layer.depth());
  Patch patch(layer);
  Operands operands{layer, 0, {}, {}, {}, {}, two_of_four(layer, p.name)};
  if (layer.windows) operands.unit = find_trim_round(layer.code->transform, layer.signed_input);
  std::vector<Output> result;
  for (const std::int64_t output : outputs) {
    operands.filter = output % layer.filters;
    operands.weights = layer.weights.subspan(static_cast<std::size_t>(operands.filter) * depth, depth);
    patch.read(output / layer.filters, operands.filter / layer.filters_of_group(), true);
    operands.read = patch.before();
    operands.used = patch.behind(operands.weights);
    result.push_back(machine.output(operands, p));
    result.back().sum *= layer.activation_step;
  }
  return result;
}

}  // namespace bitsieve::accel
