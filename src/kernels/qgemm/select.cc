#include <algorithm>
#include <cstdlib>

#include "kernels/qgemm/internal.h"

namespace bitsieve {

const std::vector<const QGemmKernel*>& qgemm_kernels() {
  static const QGemmKernel portable{"qgemm_portable", Isa::portable, qgemm::pack_rows16, qgemm::run_portable};
#if defined(__x86_64__)
  static const QGemmKernel avx2_w8{"qgemm_avx2_w8", Isa::avx2, qgemm::pack_vnni4, qgemm::run_avx2_w8, 8};
  static const QGemmKernel avx2_w16{"qgemm_avx2_w16", Isa::avx2, qgemm::pack_vnni4, qgemm::run_avx2_w16, 16};
  static const QGemmKernel avx2_w32{"qgemm_avx2_w32", Isa::avx2, qgemm::pack_vnni4, qgemm::run_avx2_w32, 32};
  static const QGemmKernel avx2_w64{"qgemm_avx2_w64", Isa::avx2, qgemm::pack_vnni4, qgemm::run_avx2_w64, 64};
  static const QGemmKernel avx2{"qgemm_avx2", Isa::avx2, qgemm::pack_vnni4_with_limits, qgemm::run_avx2, 128, 1};
  static const QGemmKernel avxvnni{"qgemm_avxvnni", Isa::avxvnni, qgemm::pack_vnni4, qgemm::run_avxvnni};
  static const QGemmKernel avx512{"qgemm_avx512vnni", Isa::avx512vnni, qgemm::pack_vnni4, qgemm::run_avx512vnni};
  static const std::vector<const QGemmKernel*> all{&avx512,   &avxvnni,  &avx2_w8, &avx2_w16,
                                                   &avx2_w32, &avx2_w64, &avx2,    &portable};
#elif defined(__aarch64__)
  static const QGemmKernel dotprod{"qgemm_neon_dotprod", Isa::neon_dotprod, qgemm::pack_vnni4, qgemm::run_neon_dotprod};
  static const std::vector<const QGemmKernel*> all{&dotprod, &portable};
#else
  static const std::vector<const QGemmKernel*> all{&portable};
#endif
  return all;
}

int most_weight(std::span<const std::int8_t> weights) {
  int most = 0;
  for (const std::int8_t w : weights) most = std::max(most, std::abs(static_cast<int>(w)));
  return most;
}

const QGemmKernel& select_qgemm(Isa isa, int most_weight) {
  for (const QGemmKernel* kernel : qgemm_kernels()) {
    if (isa_includes(isa, kernel->isa) && most_weight <= kernel->most_weight) return *kernel;
  }
  return *qgemm_kernels().back();
}

}  // namespace bitsieve
