#include "kernels/plane_step/internal.h"

namespace bitsieve::plane_step {
namespace {
#include "kernels/plane_step/plane_step.inc"
}  // namespace

const PlaneStepKernel avx512vnni{"plane_step_avx512vnni", Isa::avx512vnni, run_any};

}  // namespace bitsieve::plane_step
