// How sparse a value's bits are: what SPARQ lives from.
#pragma once
#include <array>

#include "quant/calibration.h"

namespace bitsieve {

struct BitSparsity {
  double zeros = 0;            // share of elements that are exactly 0
  double pairs_both_zero = 0;  // shares of pairs of adjacent channels
  double pairs_one_zero = 0;
  std::array<double, 9> leading_one{};  // see leading_one_shares
};

// Shares of 8-bit codes at `scale` by their leading one: [0] is code 0, [1 + p] are codes 2^p to 2^(p+1) - 1. Codes are
// the magnitudes |x| / scale rounded to the nearest and clipped, to 255 where never_negative (then negative values
// count as code 0), else to 127. Sum to 1; all 0 where nothing was seen. Values are taken as spread evenly inside a
// bucket of the histogram, so each share is off by at most the contents of the two buckets that hold its ends. Throws
// Error unless scale > 0.
std::array<double, 9> leading_one_shares(const ValueStatistics& statistics, double scale, bool never_negative);

BitSparsity bit_sparsity(const ValueStatistics& statistics, double scale, bool never_negative);

}  // namespace bitsieve
