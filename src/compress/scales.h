// The scales of an integer conv or linear layer in one place: the multiplier of its requantization, and changing a
// filter by a real gain and offset without touching its weights.
#pragma once
#include <cstddef>

#include "quant/model.h"

namespace bitsieve {

// Bias and sum stay below 2^31 together: each is at most 2^30.
inline constexpr double bias_limit = 1 << 30;

// Real value of one step of filter o's sum: input scale * weight scale.
double sum_unit(const QuantizedModel& model, std::size_t node, std::size_t filter);

// multiplier[o] = sum_unit, over the output's scale where the output is coded in 8 bits (quant/model.h); rounded once.
void set_multiplier(QuantizedModel& model, std::size_t node, std::size_t filter);
void set_multipliers(QuantizedModel& model, std::size_t node);

// Filter o's real output r becomes gain * r + offset, to the rounding of the bias (half a sum_unit): the gain goes into
// the weight scale, the offset into the bias. gain > 0.
// False, with nothing changed, when the bias would leave [-bias_limit, bias_limit] or the scale float32's normal range.
bool fold_affine(QuantizedModel& model, std::size_t node, std::size_t filter, double gain, double offset);

}  // namespace bitsieve
