#include "kernels/winograd/internal.h"

namespace bitsieve {

const std::vector<const WinogradKernel*>& winograd_kernels() {
#if defined(__x86_64__)
  static const WinogradKernel avx2{"winograd_avx2", Isa::avx2, winograd::pack_taps, winograd::run_avx2};
  static const std::vector<const WinogradKernel*> all{&avx2};
#else
  static const std::vector<const WinogradKernel*> all;
#endif
  return all;
}

const WinogradKernel* find_winograd(Isa isa) {
  for (const WinogradKernel* kernel : winograd_kernels()) {
    if (kernel->isa == isa) return kernel;  // wider levels have products of bytes
  }
  return nullptr;
}

}  // namespace bitsieve
