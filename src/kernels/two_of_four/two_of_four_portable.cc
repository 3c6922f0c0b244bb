#include "kernels/rounding.h"
#include "kernels/two_of_four/internal.h"

namespace bitsieve::two_of_four {
namespace {

#include "kernels/two_of_four/loops.inc"

}  // namespace

const TwoOfFourKernel portable{"two_of_four_portable", Isa::portable, run};

}  // namespace bitsieve::two_of_four
