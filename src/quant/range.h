// From statistics to a clipping range, without looking at the images again.
#pragma once
#include "quant/calibration.h"
#include "quant/recipe.h"

namespace bitsieve {

// Real values outside are clipped. Zero points are 0 (quant/model.h): low is 0 for u8 values, -high for s8 ones.
struct Range {
  double low = 0, high = 0;
  bool operator==(const Range&) const = default;
};

// never_negative: the value will be u8, of 255 steps; otherwise s8, of 127 magnitudes. percentile: in percent, (0,
// 100], for RangeRule::percentile only. The range is {0, 0} only where every value seen was 0 (or none was seen).
//   minmax      the largest value (s8: magnitude) seen
//   mean_max    the mean over images of the per-image maximum; s8: the larger of the means of maxima and of minima
//   percentile  of all magnitudes, interpolated inside a bucket; minmax where it would be 0
//   mse         least expected squared error of the 8-bit values over clips down from the largest value
//   kl          see kl_clip
// Within a bucket of the histogram (1/32 wide) values are taken as spread evenly.
// Throws Error for a percentile out of range, and for statistics without a histogram where the rule needs one.
Range choose_range(const ValueStatistics& statistics, RangeRule rule, double percentile, bool never_negative);

// The pieces, on magnitudes up to `largest`; for tests and reports.
struct Magnitudes {
  struct Piece {
    double low, high, count;  // count values spread evenly from low to high >= low
  };
  std::vector<Piece> pieces;  // ascending, none empty; exact zeros are left out
  double zeros = 0;           // exact zeros
  double largest = 0;         // the largest magnitude seen, where the last piece ends
};
Magnitudes magnitudes_of(const ValueStatistics& statistics, bool non_negative_only);

// Sum of squared errors of rounding to the nearest multiple of clip / steps, clipped at `clip` > 0.
double squared_error(const Magnitudes& magnitudes, double clip, int steps);

// The clip whose quantization to `levels` levels keeps the distribution best, by Kullback-Leibler divergence: Migacz,
// "8-bit inference with TensorRT", GTC 2017. A linear histogram of 2048 bins up to the largest magnitude; for every
// number of bins kept, values beyond are added to the last bin kept (P), P's bins are averaged in groups, one a level,
// over those that P occupies (Q), and KL(P || Q) is taken. Where only values from beyond are in the last group, Q gets
// one value, for the divergence to be finite. Exact zeros are left out: every range represents them.
double kl_clip(const Magnitudes& magnitudes, int levels);

}  // namespace bitsieve
