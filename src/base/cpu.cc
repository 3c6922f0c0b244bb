#include "base/cpu.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace bitsieve {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512vnni:
      return "avx512vnni";
  }
  return "unknown";
}

#if defined(__x86_64__)
// __builtin_cpu_supports also asks the operating system (XGETBV) whether it saves the wide registers.
bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2");
    case Isa::avx512vnni:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
  }
  return false;
}

bool vbmi_supported() {
  return isa_supported(Isa::avx512vnni) && __builtin_cpu_supports("avx512vbmi") &&
         __builtin_cpu_supports("avx512vbmi2");
}

bool gfni_supported() { return vbmi_supported() && __builtin_cpu_supports("gfni"); }
#else
bool isa_supported(Isa isa) { return isa == Isa::portable; }

bool vbmi_supported() { return false; }

bool gfni_supported() { return false; }
#endif

std::int64_t cache_bytes(int level) {
  const std::int64_t usual = level == 2 ? std::int64_t{1} << 20 : std::int64_t{32} << 20;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  const std::int64_t size = sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
  if (size > 0) return size;
#endif
  return usual;
}

Isa best_isa() {
  const char* wanted = std::getenv("BITSIEVE_ISA");
  for (Isa isa : {Isa::avx512vnni, Isa::avx2, Isa::portable}) {
    if (wanted == nullptr || *wanted == '\0') {
      if (isa_supported(isa)) return isa;
    } else if (std::string_view(wanted) == isa_name(isa)) {
      if (isa_supported(isa)) return isa;
      throw Error(fmt::format("BITSIEVE_ISA={}: this machine does not support it", wanted), ErrorKind::usage);
    }
  }
  throw Error(fmt::format("BITSIEVE_ISA={}: expected portable, avx2 or avx512vnni", wanted == nullptr ? "" : wanted),
              ErrorKind::usage);
}

}  // namespace bitsieve
