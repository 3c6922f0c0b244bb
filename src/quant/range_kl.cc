// Kullback-Leibler calibration over a linear histogram.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quant/range.h"

namespace bitsieve {
namespace {

constexpr int bins = 2048;

// Counts in bins of equal width up to the largest magnitude.
std::vector<double> linear_histogram(const Magnitudes& magnitudes) {
  std::vector<double> result(bins);
  for (const auto& [low, high, count] : magnitudes.pieces) {
    const double from = low / magnitudes.largest * bins, to = high / magnitudes.largest * bins;
    const int first = std::min(static_cast<int>(from), bins - 1), last = std::min(static_cast<int>(to), bins - 1);
    for (int bin = first; bin <= last; ++bin) {
      const double inside = std::min(to, bin + 1.0) - std::max(from, static_cast<double>(bin));
      result[static_cast<std::size_t>(bin)] += first == last ? count : count * std::max(inside, 0.0) / (to - from);
    }
  }
  return result;
}

double x_log_x(double x) { return x > 0 ? x * std::log(x) : 0; }

}  // namespace

double kl_clip(const Magnitudes& magnitudes, int levels) {
  const std::vector<double> histogram = linear_histogram(magnitudes);
  // Sums over the bins before each: count, count log count, bins that are not empty.
  std::vector<double> sum(bins + 1), entropy(bins + 1), occupied(bins + 1);
  for (std::size_t i = 0; i < bins; ++i) {
    sum[i + 1] = sum[i] + histogram[i];
    entropy[i + 1] = entropy[i] + x_log_x(histogram[i]);
    occupied[i + 1] = occupied[i] + (histogram[i] > 0);
  }
  const double total = sum[bins];
  double least = std::numeric_limits<double>::infinity();
  int best = bins;
  for (int kept = bins; kept >= levels; --kept) {
    const auto n = static_cast<std::size_t>(kept);
    const double last = histogram[n - 1], beyond = total - sum[n];
    // KL(P || Q) = sum of P log P - P log Q; P sums to total, Q to about sum[n].
    double divergence = entropy[n] - x_log_x(last) + x_log_x(last + beyond), sum_q = sum[n];
    for (int level = 0; level < levels; ++level) {
      const auto begin = static_cast<std::size_t>(level * kept / levels),
                 end = static_cast<std::size_t>((level + 1) * kept / levels);
      double q = sum[end] - sum[begin], p = q, bins_of_p = occupied[end] - occupied[begin];
      if (level == levels - 1 && beyond > 0) {
        p += beyond;
        bins_of_p += last > 0 ? 0 : 1;
        if (q <= 0) sum_q += q = 1;
      }
      if (p > 0) divergence -= p * std::log(q / bins_of_p);
    }
    divergence = divergence / total - std::log(total) + std::log(sum_q);
    if (divergence < least) {
      least = divergence;
      best = kept;
    }
  }
  return magnitudes.largest * best / bins;
}

}  // namespace bitsieve
