// SPARQ, the plain reference (Shomron et al., NeurIPS 2021; the rules are those of the authors' code).
//
// bSPARQ: an 8-bit activation keeps a window of n bits, placed by its leading one. vSPARQ: of two neighbours along the
// input channels, if one is zero the other takes both budgets.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "quant/model.h"

namespace bitsieve::sparq {

// Window width and the shifts it may take, ascending.
struct WindowOption {
  const char* name;
  int bits;                     // n
  std::span<const int> shifts;  // S
};

// 5opt, 3opt, 2opt (n = 4), 6opt (n = 3), 7opt (n = 2).
std::span<const WindowOption> window_options();

struct Config {
  const WindowOption* option = nullptr;
  bool round = true;           // +R; otherwise trim
  bool value_sparsity = true;  // vSPARQ; false is "-vS"
  bool two_of_four = false;    // pairs are the kept weights of each group of four
};

// A windowed activation: its value is q << shift.
struct Windowed {
  int q = 0, shift = 0;
  int value() const { return q << shift; }
};

// The window of `bits` bits at the smallest shift that holds the leading one of x in [0, 255]. Rounding is half to even
// on the dropped bits and saturates inside the window: a carry never moves to the next one.
Windowed window(int x, int bits, std::span<const int> shifts, bool round);

int bsparq(int x, const Config& config);      // f: both of a pair are non-zero
int lone_value(int x, const Config& config);  // g: the partner is zero; 2n bits

// x1*w1 + x2*w2 under the pair rule (vSPARQ) or with both windowed.
std::int32_t pair_product(int x1, int w1, int x2, int w2, const Config& config);

// Dense mode: pairs (0,1), (2,3), ...; an odd tail is paired with a zero.
std::int32_t dot(std::span<const std::uint8_t> x, std::span<const std::int8_t> w, const Config& config);

// 2:4 mode: in each group of four the first two non-zero weights choose the pair. Throws Error for a third.
std::int32_t dot_two_of_four(std::span<const std::uint8_t> x, std::span<const std::int8_t> w, const Config& config);

// The same as tables. Signed values are our extension, not SPARQ: sign and 7-bit magnitude, windows on the magnitude
// (-128 counts as -127).
ActivationTransform make_transform(const Config& config, bool signed_values);

}  // namespace bitsieve::sparq
