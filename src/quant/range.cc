#include "quant/range.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitsieve {
namespace {

double percentile_clip(const Magnitudes& magnitudes, double percentile) {
  double all = magnitudes.zeros;
  for (const auto& piece : magnitudes.pieces) all += piece.count;
  double wanted = all * percentile / 100 - magnitudes.zeros;
  if (wanted <= 0) return magnitudes.largest;
  for (const auto& [low, high, count] : magnitudes.pieces) {
    if (wanted <= count) return low + (high - low) * wanted / count;
    wanted -= count;
  }
  return magnitudes.largest;
}

// Mean over [low, high] of a squared error whose integral from 0 is `integral`; `at` is the error itself, for a piece
// that is but a point (a largest value on the edge of its bucket, as 6 of ReLU6), where the integrals would cancel.
template <class Integral, class Error>
double mean_error(const Magnitudes::Piece& piece, const Integral& integral, const Error& at) {
  const double width = piece.high - piece.low;
  return width > 1e-9 * piece.high ? (integral(piece.high) - integral(piece.low)) / width : at(piece.low);
}

// Of all values beyond `clip`, when they become `clip`.
double clipping_error(const Magnitudes& magnitudes, double clip) {
  const auto beyond = [&](double x) { return std::max(x - clip, 0.0); };
  double sum = 0;
  for (auto piece = magnitudes.pieces.rbegin(); piece != magnitudes.pieces.rend() && piece->high > clip; ++piece) {
    sum += piece->count * mean_error(
                              *piece, [&](double x) { return beyond(x) * beyond(x) * beyond(x) / 3; },
                              [&](double x) { return beyond(x) * beyond(x); });
  }
  return sum;
}

double mse_clip(const Magnitudes& magnitudes, int steps) {
  double best = magnitudes.largest, least = squared_error(magnitudes, best, steps);
  const auto attempt = [&](double clip) {
    const double error = squared_error(magnitudes, clip, steps);
    if (error < least) {
      least = error;
      best = clip;
    }
  };
  // Down in steps as fine as the histogram, while clipping alone costs less than the best so far.
  const double ratio = std::exp2(-1.0 / 32), lowest = magnitudes.largest * 1e-9;
  for (double clip = best * ratio; clip > lowest && clipping_error(magnitudes, clip) < least; clip *= ratio)
    attempt(clip);
  constexpr int finer = 16;
  const double around = best, width = best / 32;
  for (int i = -finer + 1; i < finer; ++i) {
    if (around + width * i / finer <= magnitudes.largest) attempt(around + width * i / finer);
  }
  return best;
}

}  // namespace

Magnitudes magnitudes_of(const ValueStatistics& statistics, bool non_negative_only) {
  Magnitudes result;
  result.zeros = static_cast<double>(statistics.zeros);
  result.largest = std::max(statistics.max, non_negative_only ? 0.0 : -statistics.min);
  std::vector<std::int64_t> counts = statistics.histogram.by_magnitude(non_negative_only);
  counts[0] -= std::min(counts[0], statistics.zeros);
  for (std::size_t m = 0; m < counts.size(); ++m) {
    if (counts[m] == 0) continue;
    const double low = Histogram::edge(static_cast<int>(m));
    const double high = std::min(Histogram::edge(static_cast<int>(m) + 1), result.largest);
    result.pieces.push_back({low, std::max(low, high), static_cast<double>(counts[m])});
  }
  return result;
}

double squared_error(const Magnitudes& magnitudes, double clip, int steps) {
  const double step = clip / steps, cell = step * step * step / 12;
  const auto level_of = [&](double x) { return std::min(std::nearbyint(x / step), static_cast<double>(steps)); };
  // From 0 to x: a whole cell around each level below, and the part beside the last one.
  const auto integral = [&](double x) {
    const double level = level_of(x), d = x - level * step;
    return level * cell + d * d * d / 3;
  };
  const auto at = [&](double x) {
    const double d = x - level_of(x) * step;
    return d * d;
  };
  double sum = 0;
  for (const Magnitudes::Piece& piece : magnitudes.pieces) sum += piece.count * mean_error(piece, integral, at);
  return sum;
}

Range choose_range(const ValueStatistics& s, RangeRule rule, double percentile, bool never_negative) {
  if (!(percentile > 0 && percentile <= 100))
    fail("the percentile is {}; it must be above 0 and at most 100", percentile);
  const double largest = std::max(s.max, never_negative ? 0.0 : -s.min);
  const auto range = [&](double high) { return Range{never_negative ? 0.0 : -high, high}; };
  if (!(largest > 0)) return {};
  if (rule == RangeRule::minmax) return range(largest);
  if (rule == RangeRule::mean_max) {
    const double mean = std::max(s.mean_max(), never_negative ? 0.0 : -s.mean_min());
    return range(mean > 0 ? mean : largest);
  }
  if (s.histogram.empty()) fail("the calibration holds no histogram; calibrate again");
  const Magnitudes magnitudes = magnitudes_of(s, never_negative);
  const int steps = never_negative ? 255 : 127;
  switch (rule) {
    case RangeRule::percentile:
      return range(percentile_clip(magnitudes, percentile));
    case RangeRule::mse:
      return range(mse_clip(magnitudes, steps));
    default:
      return range(kl_clip(magnitudes, steps + 1));
  }
}

}  // namespace bitsieve
