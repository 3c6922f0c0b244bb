#include "kernels/qdepthwise/internal.h"

namespace bitsieve {

const std::vector<const QDepthwiseKernel*>& qdepthwise_kernels() {
  static const QDepthwiseKernel portable{"qdepthwise_portable", Isa::portable, qdepthwise::pack_natural,
                                         qdepthwise::run_portable};
#if defined(__x86_64__)
  static const QDepthwiseKernel avx2{"qdepthwise_avx2", Isa::avx2, qdepthwise::pack_digits, qdepthwise::run_avx2};
  static const QDepthwiseKernel avx512{"qdepthwise_avx512vnni", Isa::avx512vnni, qdepthwise::pack_quads,
                                       qdepthwise::run_avx512vnni};
  static const std::vector<const QDepthwiseKernel*> all{&avx512, &avx2, &portable};
#elif defined(__aarch64__)
  static const QDepthwiseKernel neon{"qdepthwise_neon", Isa::neon, qdepthwise::pack_blocks, qdepthwise::run_neon};
  static const std::vector<const QDepthwiseKernel*> all{&neon, &portable};
#else
  static const std::vector<const QDepthwiseKernel*> all{&portable};
#endif
  return all;
}

const QDepthwiseKernel& select_qdepthwise(Isa isa) {
  for (const QDepthwiseKernel* kernel : qdepthwise_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return *qdepthwise_kernels().back();
}

}  // namespace bitsieve
