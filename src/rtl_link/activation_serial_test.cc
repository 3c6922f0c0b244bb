// The elements that are serial over activations in gates beside their models, on two million random cycles with
// extremes.
#include <Vactivation_serial_bench.h>
#include <gtest/gtest.h>

#include <array>

#include "accel/elements/bit_pragmatic_element.h"
#include "accel/elements/horner_element.h"
#include "base/random.h"
#include "rtl_link/clocked.h"

namespace bitsieve::rtl {
namespace {

TEST(ActivationSerial, EqualTheirModels) {
  constexpr int cycles = 2000000;
  constexpr std::array<std::size_t, 4> sizes = {1, 4, 8, 16};
  Clocked<Vactivation_serial_bench> bench;
  Random random(5);
  std::array<accel::HornerElement, 4> stripes;
  std::array<accel::BitPragmaticElement, 8> pragmatic;
  int left = 0, planes = 0;
  bool is_signed = false, started = false;
  for (int i = 0; i < cycles; ++i) {
    const bool first = left == 0;
    if (first) left = 1 + static_cast<int>(random.below(64));
    --left;
    const bool group_first = planes == 0;
    if (group_first) {
      planes = 1 + static_cast<int>(random.below(8));
      is_signed = random.below(2) == 0;
    }
    --planes;
    const bool group_last = planes == 0, sign = group_first && is_signed;
    started = started || (first && group_last);
    std::array<std::int8_t, 16> w{}, above{};
    std::array<int, 16> wide{};
    const auto bits = static_cast<std::uint32_t>(random.below(8) == 0 ? 65535 : random.below(65536));
    const auto negative = static_cast<std::uint32_t>(random.below(65536));
    const int common = static_cast<int>(random.below(8));
    for (std::size_t k = 0; k < w.size(); ++k) {
      w[k] = random.below(8) == 0 ? std::int8_t{-128}
                                  : static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
      wide[k] = w[k];
      const auto own = static_cast<std::int8_t>(
          random.below(static_cast<std::uint64_t>(std::min(accel::pragmatic_reach, 8 - common))));
      above[k] = (bits >> k & 1) != 0 ? own : std::int8_t{-1};
      bench->w[k] = static_cast<CData>(w[k] & 255);
      bench->above[k] = static_cast<CData>(own);
    }
    bench->bits = static_cast<SData>(bits);
    bench->negative = static_cast<SData>(negative);
    bench->common = static_cast<CData>(common);
    bench->sign = sign;
    bench->group_first = group_first;
    bench->group_last = group_last;
    bench->first = first;
    bench.tick();
    for (std::size_t s = 0; s < sizes.size(); ++s) {
      const std::size_t size = sizes[s];
      stripes[s].cycle({wide.data(), size}, sign ? 0xffffffffu : 0, bits, group_first, group_last, 0,
                       first && group_last);
      if (started) {
        ASSERT_EQ(static_cast<std::int32_t>(bench->stripes[s]), stripes[s].sum) << s;
      }
      for (std::size_t k = 0; k < 2 && size > 1; ++k) {
        pragmatic[2 * s + k].cycle({w.data(), size}, {above.data(), size}, k == 1 ? negative : 0, common, first);
        ASSERT_EQ(static_cast<std::int32_t>(bench->pragmatic[2 * s + k]), pragmatic[2 * s + k].sum) << s << k;
      }
    }
  }
}

}  // namespace
}  // namespace bitsieve::rtl
