#pragma once
#include "kernels/plane_step/plane_step.h"

namespace bitsieve::plane_step {

extern const PlaneStepKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::plane_step
