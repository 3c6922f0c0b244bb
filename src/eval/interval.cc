#include "eval/interval.h"

#include <algorithm>
#include <cmath>

namespace bitsieve {
namespace {

constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution

}  // namespace

std::array<double, 2> wilson_interval(std::int64_t correct, std::int64_t count) {
  if (count == 0) return {0, 100};
  const double n = static_cast<double>(count), p = static_cast<double>(correct) / n;
  const double centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 100 / (1 + z * z / n);
  return {std::max(0.0, (centre - half) * scale), std::min(100.0, (centre + half) * scale)};
}

PairedDrop paired_drop(std::int64_t count, std::int64_t lost, std::int64_t gained) {
  PairedDrop result;
  result.count = count;
  result.lost = lost;
  result.gained = gained;
  if (count == 0) return result;
  const double n = static_cast<double>(count);
  result.drop = 100 * static_cast<double>(lost - gained) / n;
  const double p = static_cast<double>(lost + 1) / (n + 2), q = static_cast<double>(gained + 1) / (n + 2);
  const double half = z * std::sqrt(std::max(0.0, p + q - (p - q) * (p - q)) / (n + 2));
  result.ci95 = {100 * std::max(-1.0, p - q - half), 100 * std::min(1.0, p - q + half)};
  return result;
}

}  // namespace bitsieve
