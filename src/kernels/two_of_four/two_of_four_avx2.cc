#include "kernels/rounding.h"
#include "kernels/two_of_four/internal.h"

namespace bitsieve::two_of_four {
namespace {

#include "kernels/two_of_four/loops.inc"

}  // namespace

const TwoOfFourKernel avx2{"two_of_four_avx2", Isa::avx2, run};

}  // namespace bitsieve::two_of_four
