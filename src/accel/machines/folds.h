// What the weight- and the input-stationary array share.
#pragma once
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {

void count_products(const Layer& layer, Counts& counts);

// Operand A (across, `down` x `across` of it) stays, `through` vectors of the other one pass by and partial sums leave
// below: 2 R + C + T - 2 cycles a fold.
Timing stationary_operand(const Layer& layer, const Parameters& p, std::int64_t down, std::int64_t across,
                          std::int64_t through, std::int64_t times);

}  // namespace bitsieve::accel
