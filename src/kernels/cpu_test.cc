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
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512vnni}) {
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

TEST(Select, NeverExceedsTheLevelAsked) {
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512vnni}) {
    EXPECT_LE(select_qgemm(isa).isa, isa);
    EXPECT_LE(select_qdepthwise(isa).isa, isa);
    EXPECT_LE(select_elementwise(isa).isa, isa);
    EXPECT_LE(select_f32conv(isa).isa, isa);
    EXPECT_LE(select_window(isa, true).isa, isa);
    EXPECT_FALSE(select_window(isa, false).needs_vbmi);
    EXPECT_LE(select_shift_gemv(isa, true).isa, isa);
    EXPECT_FALSE(select_shift_gemv(isa, false).needs_gfni);
  }
#if defined(__x86_64__)
  EXPECT_EQ(select_qgemm(Isa::avx512vnni).isa, Isa::avx512vnni);
  EXPECT_EQ(select_window(Isa::avx512vnni, false).isa, Isa::avx2);
  EXPECT_TRUE(select_shift_gemv(Isa::avx512vnni, true).pays);
#endif
}

}  // namespace
}  // namespace bitsieve
