#include "kernels/plane_step/internal.h"

namespace bitsieve::plane_step {
namespace {
#include "kernels/plane_step/plane_step.inc"
}  // namespace

const PlaneStepKernel avx2{"plane_step_avx2", Isa::avx2, run_any};

}  // namespace bitsieve::plane_step
