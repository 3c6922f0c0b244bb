#include <cstring>
#include <numeric>

#include "kernels/window/internal.h"

namespace bitsieve {
namespace window {

Lone lone_of(const std::uint8_t* table) {
  std::uint8_t itself[256];
  std::iota(itself, itself + 256, std::uint8_t{0});
  itself[128] = table[128];
  if (std::memcmp(table, itself, 256) != 0) return Lone::by_table;
  return table[128] == 128 ? Lone::itself : table[128] == 129 ? Lone::by_magnitude : Lone::by_table;
}

Lone lone_of(const WindowTables& tables) { return tables.paired ? lone_of(tables.lone) : Lone::as_pair; }

}  // namespace window

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
