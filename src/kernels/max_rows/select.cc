#include "kernels/max_rows/internal.h"

namespace bitsieve {

const std::vector<const MaxRowsKernel*>& max_rows_kernels() {
#if defined(__x86_64__)
  static const std::vector<const MaxRowsKernel*> all{&max_rows::avx2, &max_rows::portable};
#else
  static const std::vector<const MaxRowsKernel*> all{&max_rows::portable};
#endif
  return all;
}

const MaxRowsKernel& select_max_rows(Isa isa) {
  for (const MaxRowsKernel* kernel : max_rows_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return max_rows::portable;
}

}  // namespace bitsieve
