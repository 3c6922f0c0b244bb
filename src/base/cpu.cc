#include "base/cpu.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "base/error.h"

namespace bitsieve {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::avx2:
      return "avx2";
    case Isa::avxvnni:
      return "avxvnni";
    case Isa::avx512vnni:
      return "avx512vnni";
    case Isa::neon:
      return "neon";
    case Isa::neon_dotprod:
      return "neon_dotprod";
  }
  return "unknown";
}

#if defined(__x86_64__)
namespace {

// Leaf 7.1, EAX, bit 4: __builtin_cpu_supports of older compilers does not know the name. Needs no more of the
// operating system than AVX2.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || a < 1) return false;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

}  // namespace

std::span<const Isa> isas() {
  static constexpr Isa all[] = {Isa::portable, Isa::avx2, Isa::avxvnni, Isa::avx512vnni};
  return all;
}

// __builtin_cpu_supports also asks the operating system (XGETBV) whether it saves the wide registers.
bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avxvnni:
      return isa_supported(Isa::avx2) && has_avx_vnni();
    case Isa::avx512vnni:
      return isa_supported(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vnni");
    default:
      return false;
  }
}

bool vbmi_supported() {
  return isa_supported(Isa::avx512vnni) && __builtin_cpu_supports("avx512vbmi") &&
         __builtin_cpu_supports("avx512vbmi2");
}

bool gfni_supported() { return vbmi_supported() && __builtin_cpu_supports("gfni"); }
#else
#if defined(__aarch64__)
std::span<const Isa> isas() {
  static constexpr Isa all[] = {Isa::portable, Isa::neon, Isa::neon_dotprod};
  return all;
}

bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::portable:
    case Isa::neon:
      return true;
    case Isa::neon_dotprod:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    default:
      return false;
  }
}
#else
std::span<const Isa> isas() {
  static constexpr Isa all[] = {Isa::portable};
  return all;
}

bool isa_supported(Isa isa) { return isa == Isa::portable; }
#endif

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
  const char* const wanted = std::getenv("BITSIEVE_ISA");
  const std::span<const Isa> all = isas();
  std::string names;
  for (std::size_t i = all.size(); i-- > 0;) {
    const Isa isa = all[i];
    if (wanted == nullptr || *wanted == '\0') {
      if (isa_supported(isa)) return isa;
    } else if (std::string_view(wanted) == isa_name(isa)) {
      if (isa_supported(isa)) return isa;
      throw Error(fmt::format("BITSIEVE_ISA={}: this machine does not support it", wanted), ErrorKind::usage);
    }
    names = isa_name(isa) + (names.empty() ? "" : (i + 2 == all.size() ? " or " : ", ") + names);
  }
  throw Error(fmt::format("BITSIEVE_ISA={}: expected {}", wanted == nullptr ? "" : wanted, names), ErrorKind::usage);
}

}  // namespace bitsieve
