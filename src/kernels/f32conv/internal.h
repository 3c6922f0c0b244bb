#pragma once
#include "kernels/f32conv/f32conv.h"

namespace bitsieve::f32conv {

extern const F32ConvKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::f32conv
