// Which instruction sets the kernels may use on this machine.
#pragma once
#include <cstdint>

namespace bitsieve {

// In rising order: each level's kernels may be replaced by those of a lower one.
enum class Isa {
  portable,
  avx2,
  avx512vnni,  // AVX-512 F, BW, VL, DQ and VNNI
};

// "portable", "avx2", "avx512vnni": the values of the environment variable BITSIEVE_ISA.
const char* isa_name(Isa isa);

// Whether the processor and the operating system can run kernels of this level.
bool isa_supported(Isa isa);

// Whether AVX-512 VBMI and VBMI2 are there besides Isa::avx512vnni (Ice Lake, Zen 4 and later have all three).
bool vbmi_supported();

// Whether GFNI is there besides what vbmi_supported() asks for (the same processors have it).
bool gfni_supported();

// Size of the data cache of a level, 2 or 3, as the operating system tells it; a usual one where it does not.
std::int64_t cache_bytes(int level);

// The highest supported level, or the one BITSIEVE_ISA names. Throws Error (usage) when that is unknown or unsupported.
Isa best_isa();

}  // namespace bitsieve
