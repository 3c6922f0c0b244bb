#pragma once
#include "kernels/two_of_four/two_of_four.h"

namespace bitsieve::two_of_four {

extern const TwoOfFourKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::two_of_four
