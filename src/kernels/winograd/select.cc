#include "kernels/winograd/internal.h"

namespace bitsieve {

const WinogradKernel* find_winograd([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  static const WinogradKernel avx2{"winograd_avx2", Isa::avx2, winograd::pack_taps, winograd::run_avx2};
  if (isa == Isa::avx2) return &avx2;
#endif
  return nullptr;
}

}  // namespace bitsieve
