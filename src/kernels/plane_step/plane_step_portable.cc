#include "kernels/plane_step/internal.h"

namespace bitsieve::plane_step {
namespace {
#include "kernels/plane_step/plane_step.inc"
}  // namespace

const PlaneStepKernel portable{"plane_step_portable", Isa::portable, run_any};

}  // namespace bitsieve::plane_step
