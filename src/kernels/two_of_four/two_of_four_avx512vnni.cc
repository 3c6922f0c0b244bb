#include "kernels/rounding.h"
#include "kernels/two_of_four/internal.h"

namespace bitsieve::two_of_four {
namespace {

#include "kernels/two_of_four/loops.inc"

}  // namespace

const TwoOfFourKernel avx512vnni{"two_of_four_avx512vnni", Isa::avx512vnni, run};

}  // namespace bitsieve::two_of_four
