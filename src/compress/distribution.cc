#include "compress/distribution.h"

#include <algorithm>
#include <cmath>

namespace bitsieve {

Distribution::Distribution(std::span<const std::uint32_t> counts, double low, double high)
    : low_(low), high_(high), width_((high - low) / static_cast<double>(counts.size())) {
  sums_.resize(counts.size() + 1);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double n = counts[i], a = low + width_ * static_cast<double>(i), middle = a + width_ / 2;
    sums_[i + 1] = {sums_[i].count + n, sums_[i].first + n * middle,
                    sums_[i].second + n * (middle * middle + width_ * width_ / 12)};
  }
}

Distribution::Sums Distribution::below(double x) const {
  if (x <= low_) return {};
  if (x >= high_) return sums_.back();
  const double place = (x - low_) / width_;
  const std::size_t bin = std::min(static_cast<std::size_t>(place), sums_.size() - 2);
  const double a = low_ + width_ * static_cast<double>(bin), part = x - a, middle = a + part / 2;
  const double n = (sums_[bin + 1].count - sums_[bin].count) * part / width_;
  return {sums_[bin].count + n, sums_[bin].first + n * middle,
          sums_[bin].second + n * (middle * middle + part * part / 12)};
}

Moments Distribution::clamped(const Affine& affine, double lo, double hi) const {
  const auto [g, c] = affine;
  const Sums under = below((lo - c) / g), within_or_under = below((hi - c) / g);
  const double all = sums_.back().count, n = within_or_under.count - under.count, above = all - within_or_under.count;
  const double x = within_or_under.first - under.first, xx = within_or_under.second - under.second;
  double sum = g * x + c * n, square = g * g * xx + 2 * g * c * x + c * c * n;
  if (under.count > 0) {
    sum += lo * under.count;
    square += lo * lo * under.count;
  }
  if (above > 0) {
    sum += hi * above;
    square += hi * hi * above;
  }
  const double mean = sum / all;
  return {mean, std::max(square / all - mean * mean, 0.0)};
}

double Distribution::offset_for(double gain, double mean, double lo, double hi) const {
  // At the first everything lies at or below the mean wanted, at the second at or above it.
  double below = mean - gain * high_, above = mean - gain * low_;
  for (int i = 0; i < 40; ++i) {
    const double middle = (below + above) / 2;
    (clamped({gain, middle}, lo, hi).mean < mean ? below : above) = middle;
  }
  return (below + above) / 2;
}

Affine Distribution::match(const Moments& wanted, double lo, double hi, bool match_gain) const {
  if (!match_gain) return {1, offset_for(1, wanted.mean, lo, hi)};
  double low = -std::log(max_gain), high = std::log(max_gain);
  for (int i = 0; i < 30; ++i) {
    const double gain = std::exp((low + high) / 2);
    const double variance = clamped({gain, offset_for(gain, wanted.mean, lo, hi)}, lo, hi).variance;
    (variance < wanted.variance ? low : high) = std::log(gain);
  }
  const double gain = std::exp((low + high) / 2);
  return {gain, offset_for(gain, wanted.mean, lo, hi)};
}

std::size_t histogram_bins(std::size_t channels) {
  return std::clamp<std::size_t>((std::size_t{1} << 20) / std::max<std::size_t>(channels, 1), 256, 2048);
}

void add_to_histograms(std::span<const float> data, const ChannelMoments& seen, std::size_t bins,
                       std::span<std::uint32_t> counts) {
  const std::size_t channels = seen.mean.size();
  std::vector<float> per_width(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    per_width[c] = static_cast<float>(bins) / (seen.high[c] - seen.low[c]);
    if (!std::isfinite(per_width[c])) per_width[c] = 0;  // all values equal: the first bin
  }
  for (std::size_t row = 0; row + channels <= data.size(); row += channels) {
    for (std::size_t c = 0; c < channels; ++c) {
      const auto bin = static_cast<std::size_t>((data[row + c] - seen.low[c]) * per_width[c]);
      ++counts[c * bins + std::min(bin, bins - 1)];
    }
  }
}

}  // namespace bitsieve
