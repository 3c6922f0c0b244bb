#include "kernels/f32conv/internal.h"

namespace bitsieve {

const std::vector<const F32ConvKernel*>& f32conv_kernels() {
#if defined(__x86_64__)
  static const std::vector<const F32ConvKernel*> all{&f32conv::avx512vnni, &f32conv::avx2, &f32conv::portable};
#else
  static const std::vector<const F32ConvKernel*> all{&f32conv::portable};
#endif
  return all;
}

const F32ConvKernel& select_f32conv(Isa isa) {
  for (const F32ConvKernel* kernel : f32conv_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return f32conv::portable;
}

}  // namespace bitsieve
