// Which instruction sets the kernels may use on this machine.
#pragma once
#include <cstdint>
#include <span>

namespace bitsieve {

// Levels of several families of processors; isa_includes() says which level runs the kernels of which.
enum class Isa {
  portable,
  avx2,          // and FMA, which every processor with AVX2 has but for a few
  avxvnni,       // AVX2 and AVX-VNNI: vpdpbusd on 256 bits
  avx512vnni,    // AVX-512 F, BW, VL, DQ and VNNI
  neon,          // what every 64-bit Arm processor has
  neon_dotprod,  // besides, sdot and udot (Armv8.2 with FEAT_DotProd, Armv8.4)
};

// "portable", "avx2", "avx512vnni" and so on: the values of the environment variable BITSIEVE_ISA.
const char* isa_name(Isa isa);

// The levels of the processor family that this is compiled for, best last, whether or not this machine has them.
std::span<const Isa> isas();

// Whether a machine of a level runs kernels that need the level `other`. No plain order: Ice Lake and Zen 4 have
// AVX-512 VNNI and no AVX-VNNI, and most processors with AVX-VNNI have no AVX-512.
constexpr bool isa_includes(Isa level, Isa other) {
  if (other == level || other == Isa::portable) return true;
  switch (level) {
    case Isa::avxvnni:
    case Isa::avx512vnni:
      return other == Isa::avx2;
    case Isa::neon_dotprod:
      return other == Isa::neon;
    default:
      return false;
  }
}

// Whether the processor and the operating system can run kernels of this level.
bool isa_supported(Isa isa);

// Whether AVX-512 VBMI and VBMI2 are there besides Isa::avx512vnni (Ice Lake, Zen 4 and later have all three).
bool vbmi_supported();

// Whether GFNI is there besides what vbmi_supported() asks for (the same processors have it).
bool gfni_supported();

// Size of the data cache of a level, 2 or 3, as the operating system tells it; a usual one where it does not.
std::int64_t cache_bytes(int level);

// The best supported level, or the one BITSIEVE_ISA names. Throws Error (usage) when that is unknown or unsupported.
Isa best_isa();

}  // namespace bitsieve
