#include "kernels/shift_gemv/internal.h"

namespace bitsieve {

const std::vector<const ShiftGemvKernel*>& shift_gemv_kernels() {
#if defined(__x86_64__)
  static const std::vector<const ShiftGemvKernel*> all{&shift_gemv::avx512gfni, &shift_gemv::portable};
#else
  static const std::vector<const ShiftGemvKernel*> all{&shift_gemv::portable};
#endif
  return all;
}

const ShiftGemvKernel& select_shift_gemv(Isa isa, bool gfni) {
  for (const ShiftGemvKernel* kernel : shift_gemv_kernels()) {
    if (isa_includes(isa, kernel->isa) && (gfni || !kernel->needs_gfni)) return *kernel;
  }
  return shift_gemv::portable;
}

}  // namespace bitsieve
