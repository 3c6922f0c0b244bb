#include "kernels/plane_step/internal.h"

namespace bitsieve {

const std::vector<const PlaneStepKernel*>& plane_step_kernels() {
#if defined(__x86_64__)
  static const std::vector<const PlaneStepKernel*> all{&plane_step::avx512vnni, &plane_step::avx2,
                                                       &plane_step::portable};
#else
  static const std::vector<const PlaneStepKernel*> all{&plane_step::portable};
#endif
  return all;
}

const PlaneStepKernel& select_plane_step(Isa isa) {
  for (const PlaneStepKernel* kernel : plane_step_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return plane_step::portable;
}

}  // namespace bitsieve
