#include "kernels/window/internal.h"

namespace bitsieve {

const std::vector<const WindowKernel*>& window_kernels() {
#if defined(__x86_64__)
  static const std::vector<const WindowKernel*> all{&window::avx512vbmi, &window::avx2, &window::portable};
#elif defined(__aarch64__)
  static const std::vector<const WindowKernel*> all{&window::neon, &window::portable};
#else
  static const std::vector<const WindowKernel*> all{&window::portable};
#endif
  return all;
}

const WindowKernel& select_window(Isa isa, bool vbmi) {
  for (const WindowKernel* kernel : window_kernels()) {
    if (isa_includes(isa, kernel->isa) && (vbmi || !kernel->needs_vbmi)) return *kernel;
  }
  return window::portable;
}

}  // namespace bitsieve
