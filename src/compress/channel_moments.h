// Mean, variance and range of each channel of a layer's output, over all positions and images.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/shape.h"

namespace bitsieve {

// Sums are kept as mean and sum of squared deviations (Welford), merged pairwise by Chan, Golub and LeVeque (1979):
// a mean far from zero costs no digits. Merging images in order makes the result independent of the threads.
struct ChannelMoments {
  std::int64_t count = 0;             // elements seen of every channel
  std::vector<double> mean, squares;  // [channels]; squares: sum of (x - mean)^2
  std::vector<float> low, high;       // [channels]; least and largest value seen

  // Population variance of channel c; 0 when nothing was seen.
  double variance(std::size_t c) const { return count ? squares[c] / static_cast<double>(count) : 0; }
  // With Bessel's correction, as batch norms keep it; population variance where only one element was seen.
  double unbiased_variance(std::size_t c) const {
    return count > 1 ? squares[c] / static_cast<double>(count - 1) : variance(c);
  }
  void merge(const ChannelMoments& other);
};

// Channels of a conv or linear output: shape[0] of a feature map (C, H, W), else the last axis. 1 for a scalar.
std::int64_t channel_count(const Shape& shape);

// Of one image; data in storage layout, where the channel is the fastest index of either kind of shape.
ChannelMoments channel_moments(std::span<const float> data, std::int64_t channels);

}  // namespace bitsieve
