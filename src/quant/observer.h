// Looks at one value of one image.
#pragma once
#include <cstdint>

#include "quant/calibration.h"

namespace bitsieve {

// Holds scratch memory (256 KiB); one per thread. Usage: look(), then add_counts() before the next look().
class ValueObserver {
 public:
  // x: count floats, 0 < count < 2^32, in whole rows of `channels` (the last axis in memory); pairs are formed within a
  // row.
  void look(const float* x, std::int64_t count, std::int64_t channels);

  bool finite() const { return finite_; }  // no infinity, no NaN; otherwise nothing else may be asked
  float min() const { return min_; }       // never -0
  float max() const { return max_; }

  // Adds elements, zeros, pairs and histogram of the last look(). Only integers, so the order of images does not
  // matter.
  void add_counts(ValueStatistics& into);

 private:
  HistogramFiller filler_;
  bool finite_ = true;
  std::uint32_t highest_ = 0;  // pattern of the largest magnitude
  float min_ = 0, max_ = 0;
  std::int64_t elements_ = 0, zeros_ = 0, pairs_ = 0, both_zero_ = 0, one_zero_ = 0;
};

}  // namespace bitsieve
