#include "kernels/qgemm/internal.h"

namespace bitsieve {

const std::vector<const QGemmKernel*>& qgemm_kernels() {
  static const QGemmKernel portable{"qgemm_portable", Isa::portable, qgemm::pack_rows16, qgemm::run_portable};
#if defined(__x86_64__)
  static const QGemmKernel avx2{"qgemm_avx2", Isa::avx2, qgemm::pack_madd2, qgemm::run_avx2};
  static const QGemmKernel avx512{"qgemm_avx512vnni", Isa::avx512vnni, qgemm::pack_vnni4, qgemm::run_avx512vnni};
  static const std::vector<const QGemmKernel*> all{&avx512, &avx2, &portable};
#else
  static const std::vector<const QGemmKernel*> all{&portable};
#endif
  return all;
}

const QGemmKernel& select_qgemm(Isa isa) {
  for (const QGemmKernel* kernel : qgemm_kernels()) {
    if (kernel->isa <= isa) return *kernel;
  }
  return *qgemm_kernels().back();
}

}  // namespace bitsieve
