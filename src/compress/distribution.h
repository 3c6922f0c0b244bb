// How one channel's real outputs are distributed, and which gain and offset give it wanted moments behind a clamp.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "compress/channel_moments.h"

namespace bitsieve {

struct Moments {
  double mean = 0, variance = 0;
};

// real' = gain * real + offset
struct Affine {
  double gain = 1, offset = 0;
};

// Gains are kept within [1 / max_gain, max_gain].
inline constexpr double max_gain = 4;

// Counts of one channel in equal bins over its range; within a bin values count as spread evenly.
class Distribution {
 public:
  // counts: at least one bin, not all 0. low <= high; equal where all values are.
  Distribution(std::span<const std::uint32_t> counts, double low, double high);

  // Of clamp(gain * x + offset, lo, hi). gain > 0; the bounds may be infinite. O(1).
  Moments clamped(const Affine& affine, double lo, double hi) const;

  // The affine after which the clamped values have mean `wanted.mean` and, where `match_gain`, variance
  // `wanted.variance`, by bisection: the mean grows with the offset, and at that mean the variance with the gain. Gains
  // beyond the limit stop there. wanted.mean lies within [lo, hi].
  Affine match(const Moments& wanted, double lo, double hi, bool match_gain) const;

 private:
  struct Sums {
    double count = 0, first = 0, second = 0;  // sums of 1, x, x^2 over the values below a point
  };
  Sums below(double x) const;
  double offset_for(double gain, double mean, double lo, double hi) const;

  std::vector<Sums> sums_;  // at the lower edge of each bin, and at the end
  double low_, high_, width_;
};

// Bins for histograms of `channels` channels: fewer for many, so that a worker's take at most some megabytes.
std::size_t histogram_bins(std::size_t channels);

// Adds data (storage layout) to counts[channel * bins + bin], bins between seen.low and seen.high of the channel.
void add_to_histograms(std::span<const float> data, const ChannelMoments& seen, std::size_t bins,
                       std::span<std::uint32_t> counts);

}  // namespace bitsieve
