// Bit-Pragmatic's processing element: one set bit of each lane's activation a cycle, shifted in two stages (Albericio
// et al., MICRO 2017): rtl/bit_pragmatic_pe.sv. Stripes' is HornerElement with the roles exchanged: its "activations"
// are weights, and its planes those of the activations, rtl/stripes_pe.sv.
#pragma once
#include <cstdint>
#include <span>

namespace bitsieve::accel {

inline constexpr int pragmatic_reach = 4;  // positions that a lane reaches from the common one

struct BitPragmaticElement {
  std::int32_t sum = 0;

  // Lane i takes the bit at position common + above[i], 0 to 7, of its activation, or none where `above` is below 0.
  // negative: bit i is the activation's sign. weights: as many as lanes.
  void cycle(std::span<const std::int8_t> weights, std::span<const std::int8_t> above, std::uint32_t negative,
             int common, bool first) {
    std::int32_t terms = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (above[i] < 0) continue;
      const std::int32_t term = weights[i] * (1 << above[i]);
      terms += (negative >> i & 1) != 0 ? -term : term;
    }
    sum = (first ? 0 : sum) + terms * (1 << common);
  }
};

}  // namespace bitsieve::accel
