#pragma once
#include "kernels/elementwise/elementwise.h"

namespace bitsieve::elementwise {

extern const ElementwiseKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::elementwise
