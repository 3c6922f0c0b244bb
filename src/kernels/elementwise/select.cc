#include "kernels/elementwise/internal.h"

namespace bitsieve {

const std::vector<const ElementwiseKernel*>& elementwise_kernels() {
#if defined(__x86_64__)
  static const std::vector<const ElementwiseKernel*> all{&elementwise::avx512vnni, &elementwise::avx2,
                                                         &elementwise::portable};
#else
  static const std::vector<const ElementwiseKernel*> all{&elementwise::portable};
#endif
  return all;
}

const ElementwiseKernel& select_elementwise(Isa isa) {
  for (const ElementwiseKernel* kernel : elementwise_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return elementwise::portable;
}

}  // namespace bitsieve
