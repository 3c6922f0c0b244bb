#pragma once
#include "kernels/two_of_four/two_of_four.h"

namespace bitsieve::two_of_four {

// For each of the sixteen bytes, which of the four inputs it codes, and beside which; nothing: beside a zero.
inline constexpr std::uint8_t nothing = 0x80;  // where pshufb writes zeros
inline constexpr std::uint8_t value_of[bytes_of_four] = {0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0, 1, 2, 3};
inline constexpr std::uint8_t partner_of[bytes_of_four] = {1, 0, 2, 0, 3,       0,       2,       1,
                                                           3, 1, 3, 2, nothing, nothing, nothing, nothing};

extern const TwoOfFourKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::two_of_four
