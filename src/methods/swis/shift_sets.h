// Sets of bit positions, written as a byte, and rounding to them (specification of SWIS, A.2 and A.3).
#pragma once
#include <cstdint>
#include <vector>

namespace bitsieve::swis {

// The bytes of all sets of n positions of 8, n = 1 to 8, ascending; with `consecutive` those without gaps (SWIS-C).
std::vector<std::uint8_t> sets_of(int n, bool consecutive);

// Largest magnitude <= u that is a submask of `set`, and the next submask above it (the same one where there is none
// above, and where u itself is one). u: 0 to 255.
int floor_magnitude(int u, std::uint8_t set);
int ceiling_magnitude(int u, std::uint8_t set);

// The submask of `set` closest to u; a tie goes to the smaller one.
int nearest_magnitude(int u, std::uint8_t set);

// A weight of -128 to 127 rounded to the set: sign times nearest magnitude. With `int8`, +128 is not available and the
// weight becomes the floor (quant/shared_shifts.h); otherwise the result may be +128, as in the specification's
// vectors.
int nearest_weight(int w, std::uint8_t set, bool int8 = true);

// Weight truncation (A.8): the magnitude's bits outside of the set are dropped. Not the nearest, nor the floor.
int masked_weight(int w, std::uint8_t set);

}  // namespace bitsieve::swis
