// The other elements in gates beside their models: the 8b-8b one on all pairs of operands, the rest on two million
// random cycles with extremes, in sums of up to 64 cycles.
#include <Velements_bench.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "accel/elements/dot_product_element.h"
#include "accel/elements/horner_element.h"
#include "accel/elements/sparse_dot_product_element.h"
#include "accel/elements/swis_element.h"
#include "accel/elements/systolic_element.h"
#include "accel/elements/two_by_four_element.h"
#include "base/random.h"
#include "rtl_link/clocked.h"

namespace bitsieve::rtl {
namespace {

constexpr std::array<std::size_t, 4> sizes = {1, 4, 8, 16};

int as_signed(int byte) { return byte < 128 ? byte : byte - 256; }

TEST(SystolicElement, EqualsItsModelOnAllPairsOfOperands) {
  Clocked<Velements_bench> bench;
  accel::SystolicElement plain, with_signs;
  for (int pair = 0; pair < 65536; ++pair) {
    const int x = pair >> 8, w = as_signed(pair & 255);
    const bool first = pair % 1000 == 0;
    bench->x[0] = static_cast<CData>(x);
    bench->w[0] = static_cast<CData>(w & 255);
    bench->first = first;
    bench.tick();
    plain.cycle(x, w, first);
    with_signs.cycle(as_signed(x), w, first);
    ASSERT_EQ(static_cast<std::int32_t>(bench->systolic[0]), plain.sum);
    ASSERT_EQ(static_cast<std::int32_t>(bench->systolic[1]), with_signs.sum);
  }
}

// Numbers of 8 bits, often 0 and often at the ends.
int drawn(Random& random) {
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
      return 255;
    case 2:
      return 128;
    default:
      return static_cast<int>(random.below(256));
  }
}

TEST(Elements, EqualTheirModels) {
  constexpr int cycles = 2000000;
  Clocked<Velements_bench> bench;
  Random random(12);
  accel::TwoByFourElement bound;
  accel::DotProductElement dot;
  accel::SparseDotProductElement sparse;
  std::array<accel::SparqDotProductElement, 5> windows;
  std::array<accel::SparqSparseDotProductElement, 10> kept_windows;
  std::array<accel::SwisSingleElement, 8> single;
  std::array<accel::SwisDoubleElement, 8> twice;
  std::array<accel::HornerElement, 8> consecutive, serial;
  for (std::size_t u = 0; u < kept_windows.size(); ++u) {
    kept_windows[u].unit = accel::trim_round_options()[u / 2].unit;
    kept_windows[u].unit.round = u % 2 == 1;
  }
  int left = 0, planes = 0, offset = 0;  // of a sum and of a group
  bool horner = false;                   // the sums of Horner elements have started, with a group's last plane
  for (int i = 0; i < cycles; ++i) {
    const bool first = left == 0;
    if (first) left = 1 + static_cast<int>(random.below(64));
    --left;
    const bool group_first = planes == 0;
    if (group_first) {
      planes = 1 + static_cast<int>(random.below(8));
      offset = static_cast<int>(random.below(9 - planes));
    }
    --planes;
    const bool group_last = planes == 0;
    horner = horner || (first && group_last);

    std::array<int, 16> x{};
    std::array<int, 8> w{};
    for (int& value : x) value = drawn(random);
    for (int& value : w) value = as_signed(drawn(random));
    const auto negative = static_cast<std::uint32_t>(random.below(65536));
    const std::array<std::uint32_t, 2> mask = {
        static_cast<std::uint32_t>(random.below(8) == 0 ? 65535 : random.below(65536)),
        static_cast<std::uint32_t>(random.below(65536))};
    // The shift of the first plane is the offset of the Horner elements as well: whatever it is on other cycles.
    const std::array<int, 2> shift = {group_last ? offset : static_cast<int>(random.below(8)),
                                      static_cast<int>(random.below(8))};
    std::array<accel::KeptWeights, 4> kept;
    for (std::size_t k = 0; k < 8; ++k) {
      kept[k / 2].w[k % 2] = w[k];
      kept[k / 2].position[k % 2] = static_cast<int>(random.below(4));
      bench->position[k] = static_cast<CData>(kept[k / 2].position[k % 2]);
      bench->w[k] = static_cast<CData>(w[k] & 255);
    }
    for (std::size_t k = 0; k < 16; ++k) bench->x[k] = static_cast<CData>(x[k]);
    bench->negative = static_cast<SData>(negative);
    for (std::size_t k = 0; k < 2; ++k) {
      bench->mask[k] = static_cast<SData>(mask[k]);
      bench->shift[k] = static_cast<CData>(shift[k]);
    }
    bench->group_first = group_first;
    bench->group_last = group_last;

    bench->first = first;
    bench.tick();

    bound.cycle(x[0] & 15, w[0], x[1] & 15, w[1], first);
    ASSERT_EQ(static_cast<std::int32_t>(bench->two_by_four), bound.sum);
    dot.cycle({x[0], x[1], x[2], x[3]}, {w[0], w[1], w[2], w[3]}, first);
    ASSERT_EQ(static_cast<std::int32_t>(bench->dot), dot.sum);
    std::array<std::array<int, 4>, 4> fours;
    for (std::size_t k = 0; k < 16; ++k) fours[k / 4][k % 4] = x[k];
    sparse.cycle({fours[0], fours[1]}, {kept[0], kept[1]}, first);
    ASSERT_EQ(static_cast<std::int32_t>(bench->sparse), sparse.sum);
    for (std::size_t o = 0; o < windows.size(); ++o) {
      accel::TrimRound unit = accel::trim_round_options()[o].unit;
      unit.round = true;
      std::array<accel::WindowPair, 4> lanes;
      for (std::size_t k = 0; k < 4; ++k) lanes[k] = accel::trim_round(x[2 * k], x[2 * k + 1], unit);
      windows[o].cycle(lanes, w, first);
      ASSERT_EQ(static_cast<std::int32_t>(bench->sparq_dot[o]), windows[o].sum);
    }
    for (std::size_t u = 0; u < kept_windows.size(); ++u) {
      kept_windows[u].cycle(fours, kept, first);
      ASSERT_EQ(static_cast<std::int32_t>(bench->sparq_sparse[u]), kept_windows[u].sum);
    }
    for (std::size_t u = 0; u < 8; ++u) {
      const std::size_t size = sizes[u / 2];
      std::vector<int> a(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(size));
      if (u % 2 == 1) {
        for (int& value : a) value = as_signed(value);
      }
      single[u].cycle(a, negative, {mask[0], shift[0]}, first);
      ASSERT_EQ(static_cast<std::int32_t>(bench->single[u]), single[u].sum) << u;
      twice[u].cycle(a, negative, {mask[0], shift[0]}, {mask[1], shift[1]}, first);
      ASSERT_EQ(static_cast<std::int32_t>(bench->twice[u]), twice[u].sum) << u;
      consecutive[u].cycle(a, negative, mask[0], group_first, group_last, shift[0], first && group_last);
      serial[u].cycle(a, negative, mask[0], group_first, group_last, 0, first && group_last);
      if (horner) {
        ASSERT_EQ(static_cast<std::int32_t>(bench->consecutive[u]), consecutive[u].sum) << u;
        ASSERT_EQ(static_cast<std::int32_t>(bench->serial[u]), serial[u].sum) << u;
      }
    }
  }
}

}  // namespace
}  // namespace bitsieve::rtl
