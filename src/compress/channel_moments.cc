#include "compress/channel_moments.h"

#include <algorithm>

namespace bitsieve {

void ChannelMoments::merge(const ChannelMoments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const double mine = static_cast<double>(count), theirs = static_cast<double>(other.count), all = mine + theirs;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double distance = other.mean[c] - mean[c];
    mean[c] += distance * theirs / all;
    squares[c] += other.squares[c] + distance * distance * mine * theirs / all;
    low[c] = std::min(low[c], other.low[c]);
    high[c] = std::max(high[c], other.high[c]);
  }
  count += other.count;
}

std::int64_t channel_count(const Shape& shape) {
  if (shape.empty()) return 1;
  return shape.size() == 3 ? shape[0] : shape.back();
}

ChannelMoments channel_moments(std::span<const float> data, std::int64_t channels) {
  const auto n = static_cast<std::size_t>(channels);
  ChannelMoments result;
  result.mean.assign(n, 0);
  result.squares.assign(n, 0);
  if (n == 0 || data.empty()) return result;
  result.low.assign(data.begin(), data.begin() + channels);
  result.high = result.low;
  result.count = static_cast<std::int64_t>(data.size() / n);
  for (std::size_t row = 0; row + n <= data.size(); row += n) {
    for (std::size_t c = 0; c < n; ++c) {
      const float x = data[row + c];
      result.mean[c] += static_cast<double>(x);
      result.low[c] = std::min(result.low[c], x);
      result.high[c] = std::max(result.high[c], x);
    }
  }
  for (double& m : result.mean) m /= static_cast<double>(result.count);
  for (std::size_t row = 0; row + n <= data.size(); row += n) {
    for (std::size_t c = 0; c < n; ++c) {
      const double d = static_cast<double>(data[row + c]) - result.mean[c];
      result.squares[c] += d * d;
    }
  }
  return result;
}

}  // namespace bitsieve
