#include "accel/elements/trim_round.h"

#include <algorithm>

namespace bitsieve::accel {
namespace {

struct Cut {
  int data, shift;
};

Cut cut(int x, int bits, int step, const TrimRound& unit) {
  // Each bit above a window moves it on: a leading-one detector written as a sum of what it compares.
  int shift = 0;
  for (int s = step; s <= 8 - bits; s += step) shift += (x >> (bits + s - step)) != 0 ? step : 0;
  const int most = (1 << bits) - 1;
  int data = (x >> shift) & most;
  if (unit.round && shift > 0) {
    const int guard = (x >> (shift - 1)) & 1;
    const bool sticky = (x & ((1 << (shift - 1)) - 1)) != 0;
    // No carry leaves the window, nor a magnitude.
    const bool fits = data != most && (!unit.magnitudes || (data + 1) << shift < 128);
    if (guard != 0 && (sticky || (data & 1) != 0) && fits) ++data;
  }
  return {data, shift};
}

// A value beside a zero, with 2n bits: they are the two lanes.
Cut cut_lone(int x, const TrimRound& unit) { return cut(x, 2 * unit.bits, 1, unit); }

}  // namespace

std::span<const TrimRoundOption> trim_round_options() {
  static constexpr TrimRoundOption options[] = {
      {"5opt", {4, 1}}, {"3opt", {4, 2}}, {"2opt", {4, 4}}, {"6opt", {3, 1}}, {"7opt", {2, 1}}};
  return options;
}

WindowPair trim_round(int x1, int x2, const TrimRound& unit) {
  if (unit.pairs && (x1 == 0 || x2 == 0)) {
    // x2 where both are zero, as the authors' code has it: the lanes are 0 all the same.
    const bool second = x1 == 0;
    const Cut whole = cut_lone(second ? x2 : x1, unit);
    return {WindowLane{whole.data >> unit.bits, whole.shift + unit.bits, second},
            WindowLane{whole.data & ((1 << unit.bits) - 1), whole.shift, !second}};
  }
  const Cut a = cut(x1, unit.bits, unit.step, unit), b = cut(x2, unit.bits, unit.step, unit);
  return {WindowLane{a.data, a.shift, false}, WindowLane{b.data, b.shift, false}};
}

bool has_windows_of(const TrimRound& element, const TrimRound& unit) {
  for (int shift = 0; shift <= 8 - unit.bits; shift += unit.step) {
    const int below = std::min(shift, 8 - element.bits) / element.step * element.step;
    if (shift - below + unit.bits > element.bits) return false;
  }
  // A lone value takes the two lanes, of 2n bits at any position.
  return !unit.pairs || (element.pairs && element.bits >= unit.bits);
}

std::optional<TrimRound> find_trim_round(const ActivationTransform& transform, bool signed_values) {
  if (!transform.active) return std::nullopt;
  for (const TrimRoundOption& option : trim_round_options()) {
    for (const bool round : {false, true}) {
      TrimRound unit = option.unit;
      unit.round = round;
      unit.pairs = transform.paired;
      unit.magnitudes = signed_values;
      bool same = true;
      for (int x = 0; same && x < (signed_values ? 128 : 256); ++x) {
        const Cut f = cut(x, unit.bits, unit.step, unit), g = cut_lone(x, unit);
        const auto at = static_cast<std::size_t>(x);
        same = transform.pair[at] == f.data << f.shift && (!unit.pairs || transform.lone[at] == g.data << g.shift);
      }
      if (same) return unit;
    }
  }
  return std::nullopt;
}

}  // namespace bitsieve::accel
