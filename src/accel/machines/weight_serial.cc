// Bit-serial over the weights: a cycle for each bit of a magnitude (specification of SWIS, C.4).
#include "accel/machines/shifts.h"

namespace bitsieve::accel {

Timing time_weight_serial(const Layer& layer, const Parameters& p) {
  // A window of its own a layer may have, a group may not.
  const bool window = layer.code != nullptr && layer.code->shifts.one_group && layer.code->shifts.consecutive;
  const std::int64_t bits = window ? layer.code->shifts.shifts.at(0) : magnitude_bits(layer);
  Layer plain = layer;
  plain.code = nullptr;
  return time_shifts(plain, p, std::vector<std::int64_t>(static_cast<std::size_t>(layer.filters), bits),
                     {.name = "weight-serial", .horner = true});
}

Output output_weight_serial(const Operands& o, const Parameters& p) {
  const LayerCode* const code = o.layer.code;
  if (code != nullptr && code->shifts.one_group && code->shifts.consecutive)
    return output_by_horner(o, p, shifts_of(o));
  Layer plain = o.layer;
  plain.code = nullptr;
  return output_by_horner({plain, o.filter, o.weights, o.read, o.used, o.unit, o.two_of_four}, p,
                          magnitude_bits(plain));
}

}  // namespace bitsieve::accel
