// SPARQ's trim-and-round unit as gates do it: two activations in, two lanes of n bits out (specification of SPARQ, D.2
// and D.3). What the code means, in numbers, is methods/sparq; rtl/trim_round.sv is this unit in hardware.
#pragma once
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "quant/model.h"

namespace bitsieve::accel {

struct TrimRound {
  int bits = 4;             // n, of a lane: 4, 3 or 2
  int step = 1;             // windows are at the shifts 0, step, 2 step ... 8 - n
  bool round = false;       // +R; otherwise trim
  bool pairs = true;        // vSPARQ: next to a zero, a value takes both lanes
  bool magnitudes = false;  // of signed values, 7 bits: what would be rounded up to 128 is trimmed
};

// 5opt, 3opt, 2opt (n = 4), 6opt (n = 3) and 7opt (n = 2), trimming and with pairs.
struct TrimRoundOption {
  std::string_view name;
  TrimRound unit;
};
std::span<const TrimRoundOption> trim_round_options();

// The unit that makes of activations what the tables of a layer's code make of them; none where that is no code of
// windows. Signed values go through the unit as magnitudes, -128 as 127, and leave their sign to the weight.
std::optional<TrimRound> find_trim_round(const ActivationTransform& transform, bool signed_values);

// Whether an element with lanes of `element` multiplies all that `unit` makes: each window of it, with zeros below, is
// one of the element's.
bool has_windows_of(const TrimRound& element, const TrimRound& unit);

// What meets a multiplier of n x 8 bits: (data << shift) times one of the pair's weights.
struct WindowLane {
  int data = 0;          // 0 to 2^n - 1
  int shift = 0;         // ShiftCtrl, in bits: a multiple of the unit's step
  bool partner = false;  // MuxCtrl: multiplies the partner's weight
  bool operator==(const WindowLane&) const = default;
};
using WindowPair = std::array<WindowLane, 2>;

// x1, x2: 0 to 255, not checked.
WindowPair trim_round(int x1, int x2, const TrimRound& unit);

}  // namespace bitsieve::accel
