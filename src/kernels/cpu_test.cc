#include "base/cpu.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/f32conv/f32conv.h"
#include "kernels/qdepthwise/qdepthwise.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/shift_gemv/shift_gemv.h"
#include "kernels/window/window.h"

namespace bitsieve {
namespace {

TEST(Cpu, EnvironmentLowersTheLevel) {
  unsetenv("BITSIEVE_ISA");
  const Isa best = best_isa();
  EXPECT_TRUE(isa_supported(best));
  for (Isa isa : isas()) {
    setenv("BITSIEVE_ISA", isa_name(isa), 1);
    if (isa_supported(isa)) {
      EXPECT_EQ(best_isa(), isa);
    } else {
      EXPECT_THROW(best_isa(), Error);
    }
  }
  setenv("BITSIEVE_ISA", "sse9", 1);
  EXPECT_THROW(best_isa(), Error);
  unsetenv("BITSIEVE_ISA");
}

TEST(Cpu, LevelsIncludeWhatTheirMachinesRun) {
  for (const Isa isa : isas()) {
    EXPECT_TRUE(isa_includes(isa, isa)) << isa_name(isa);
    EXPECT_TRUE(isa_includes(isa, Isa::portable)) << isa_name(isa);
    EXPECT_EQ(isa_includes(Isa::portable, isa), isa == Isa::portable) << isa_name(isa);
    // What a level includes this machine runs too, if it runs the level.
    for (const Isa other : isas()) {
      if (isa_supported(isa) && isa_includes(isa, other)) {
        EXPECT_TRUE(isa_supported(other)) << isa_name(isa) << " " << isa_name(other);
      }
    }
  }
  EXPECT_TRUE(isa_includes(Isa::avxvnni, Isa::avx2));
  EXPECT_TRUE(isa_includes(Isa::avx512vnni, Isa::avx2));
  EXPECT_TRUE(isa_includes(Isa::neon_dotprod, Isa::neon));
  EXPECT_FALSE(isa_includes(Isa::avx2, Isa::avxvnni));
  EXPECT_FALSE(isa_includes(Isa::avx512vnni, Isa::avxvnni)) << "Ice Lake and Zen 4 have no AVX-VNNI";
  EXPECT_FALSE(isa_includes(Isa::avxvnni, Isa::avx512vnni));
  EXPECT_FALSE(isa_includes(Isa::neon, Isa::neon_dotprod));
  EXPECT_FALSE(isa_includes(Isa::avx512vnni, Isa::neon));
}

TEST(Cpu, UnknownLevelsAreRefusedWithTheNames) {
  setenv("BITSIEVE_ISA", "sse9", 1);
  std::string message;
  try {
    best_isa();
  } catch (const Error& error) {
    message = error.what();
  }
  unsetenv("BITSIEVE_ISA");
#if defined(__x86_64__)
  EXPECT_EQ(message, "BITSIEVE_ISA=sse9: expected portable, avx2, avxvnni or avx512vnni");
#elif defined(__aarch64__)
  EXPECT_EQ(message, "BITSIEVE_ISA=sse9: expected portable, neon or neon_dotprod");
#else
  EXPECT_EQ(message, "BITSIEVE_ISA=sse9: expected portable");
#endif
}

TEST(Select, NeverExceedsTheLevelAsked) {
  for (Isa isa : isas()) {
    EXPECT_TRUE(isa_includes(isa, select_qgemm(isa).isa));
    EXPECT_TRUE(isa_includes(isa, select_qdepthwise(isa).isa));
    EXPECT_TRUE(isa_includes(isa, select_elementwise(isa).isa));
    EXPECT_TRUE(isa_includes(isa, select_f32conv(isa).isa));
    EXPECT_TRUE(isa_includes(isa, select_window(isa, true).isa));
    EXPECT_FALSE(select_window(isa, false).needs_vbmi);
    EXPECT_TRUE(isa_includes(isa, select_shift_gemv(isa, true).isa));
    EXPECT_FALSE(select_shift_gemv(isa, false).needs_gfni);
  }
#if defined(__x86_64__)
  EXPECT_EQ(select_qgemm(Isa::avx512vnni).isa, Isa::avx512vnni);
  EXPECT_EQ(select_window(Isa::avx512vnni, false).isa, Isa::avx2);
  EXPECT_TRUE(select_shift_gemv(Isa::avx512vnni, true).pays);
  EXPECT_EQ(select_qdepthwise(Isa::avxvnni).isa, Isa::avx2);
#elif defined(__aarch64__)
  EXPECT_EQ(select_qgemm(Isa::neon_dotprod).isa, Isa::neon_dotprod);
  EXPECT_EQ(select_qdepthwise(Isa::neon_dotprod).isa, Isa::neon);
  EXPECT_EQ(select_window(Isa::neon_dotprod, false).isa, Isa::neon);
#endif
}

}  // namespace
}  // namespace bitsieve
