#include "kernels/fake_quantize/internal.h"

namespace bitsieve {

const std::vector<const FakeQuantizeKernel*>& fake_quantize_kernels() {
#if defined(__x86_64__)
  static const std::vector<const FakeQuantizeKernel*> all{&fake_quantize::avx512vnni, &fake_quantize::avx2,
                                                          &fake_quantize::portable};
#else
  static const std::vector<const FakeQuantizeKernel*> all{&fake_quantize::portable};
#endif
  return all;
}

const FakeQuantizeKernel& select_fake_quantize(Isa isa) {
  for (const FakeQuantizeKernel* kernel : fake_quantize_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return fake_quantize::portable;
}

}  // namespace bitsieve
