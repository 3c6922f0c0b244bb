// What holds of weights of shared shifts in a model that may run.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "quant/shared_shifts.h"

namespace bitsieve::pack {

// The part that a file states before its stream: groups, runs, blocks, a number of shifts where there is no schedule.
// Afterwards sizes may be computed from it. `where` is named in the Error.
void check_shifts_form(const SharedShifts& code, bool scheduled, std::int64_t outputs, std::int64_t k,
                       const std::string& where);

// All of it: the form, sizes of its lists, sets with as many positions as their filter has shifts, weights that are
// sums of them.
void check_shifts(const SharedShifts& code, std::span<const std::int8_t> weights, std::int64_t outputs,
                  const std::string& where);

}  // namespace bitsieve::pack
