#include "kernels/shift_search/internal.h"

namespace bitsieve {

const std::vector<const ShiftSearchKernel*>& shift_search_kernels() {
#if defined(__x86_64__)
  static const std::vector<const ShiftSearchKernel*> all{&shift_search::avx512vnni, &shift_search::avx2,
                                                         &shift_search::portable};
#else
  static const std::vector<const ShiftSearchKernel*> all{&shift_search::portable};
#endif
  return all;
}

const ShiftSearchKernel& select_shift_search(Isa isa) {
  for (const ShiftSearchKernel* kernel : shift_search_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return shift_search::portable;
}

}  // namespace bitsieve
