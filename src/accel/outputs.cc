#include "accel/outputs.h"

#include <algorithm>

#include "accel/machines.h"
#include "accel/values.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

// What one filter's weights multiply; all filters of a group see the same, but in the 2:4 mode.
void cut_windows(const Layer& layer, std::span<const std::int8_t> weights, const std::vector<int>& read,
                 std::vector<int>& used) {
  used = read;
  if (!layer.windows) return;
  const ActivationTransform& t = layer.code->transform;
  const auto through = [&](int x, int partner) {
    const auto& table = t.paired && partner == 0 ? t.lone : t.pair;
    const std::uint8_t pattern = table[static_cast<std::uint8_t>(x)];
    return layer.signed_input ? static_cast<std::int8_t>(pattern) : static_cast<int>(pattern);
  };
  if (!t.two_of_four) {
    for (std::size_t k = 0; k < read.size(); ++k) used[k] = through(read[k], (k ^ 1) < read.size() ? read[k ^ 1] : 0);
    return;
  }
  for (std::size_t group = 0; group < read.size(); group += 4) {
    std::vector<std::size_t> kept;
    for (std::size_t k = group; k < std::min(group + 4, read.size()); ++k) {
      if (weights[k] != 0) kept.push_back(k);
    }
    for (std::size_t i = 0; i < kept.size(); ++i)
      used[kept[i]] = through(read[kept[i]], kept.size() == 2 ? read[kept[1 - i]] : 0);
  }
}

}  // namespace

std::vector<std::int32_t> sums_of(const Layer& layer, const Parameters& p, std::span<const std::int64_t> outputs) {
  const Machine& machine = require_machine(p.machine);
  require_runnable(machine, layer);
  require_values(layer, p.name);
  const auto depth = static_cast<std::size_t>(layer.depth());
  std::vector<int> read(depth), used;
  Operands operands{layer, 0, {}, {}, {}, {}, two_of_four(layer, p.name)};
  if (layer.windows) operands.unit = find_trim_round(layer.code->transform, layer.signed_input);
  std::vector<std::int32_t> sums;
  for (const std::int64_t output : outputs) {
    const std::int64_t pixel = output / layer.filters, group = output % layer.filters / layer.filters_of_group();
    for (std::int64_t tap = 0; tap < layer.taps; ++tap) {
      const std::int64_t at = position_by_rows(layer, pixel, tap);
      for (std::int64_t c = 0; c < layer.channels; ++c) {
        int value = 0;
        if (at >= 0) {
          const std::uint8_t pattern =
              layer.input[static_cast<std::size_t>((at * layer.groups + group) * layer.channels + c)];
          value = layer.signed_input ? static_cast<std::int8_t>(pattern) : static_cast<int>(pattern);
        }
        read[static_cast<std::size_t>(tap * layer.channels + c)] = value;
      }
    }
    operands.filter = output % layer.filters;
    operands.weights = layer.weights.subspan(static_cast<std::size_t>(operands.filter) * depth, depth);
    cut_windows(layer, operands.weights, read, used);
    operands.read = read;
    operands.used = used;
    sums.push_back(machine.sum(operands, p) * layer.activation_step);
  }
  return sums;
}

}  // namespace bitsieve::accel
