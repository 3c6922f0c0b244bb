#include "quant/observer.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace bitsieve {
namespace {

constexpr std::uint32_t magnitude_mask = 0x7fffffff, infinity = 0x7f800000;

std::int32_t bits(float x) { return std::bit_cast<std::int32_t>(x); }

// Its own inverse: binary32 patterns to integers of the same order (-0 just below +0). Compilers turn minima of
// integers into vector code, but not those of floats, whose order is not total.
std::int32_t ordered(std::int32_t pattern) { return pattern ^ ((pattern >> 31) & 0x7fffffff); }

struct Extremes {
  std::int32_t min = std::numeric_limits<std::int32_t>::max(),
               max = std::numeric_limits<std::int32_t>::min();  // ordered
  std::int64_t zeros = 0;
};

// Of count < 2^31 floats, together with what was found before.
void extend(Extremes& total, const float* x, std::int64_t count) {
  std::int32_t lo = total.min, hi = total.max, zeros = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t pattern = bits(x[i]), order = ordered(pattern);
    lo = std::min(lo, order);
    hi = std::max(hi, order);
    zeros += (pattern & 0x7fffffff) == 0;
  }
  total = {lo, hi, total.zeros + zeros};
}

// Pairs of zeros among `pairs` < 2^30 neighbours (0, 1), (2, 3), ...
std::int64_t both_zero(const float* x, std::int64_t pairs) {
  std::int32_t both = 0;
  for (std::int64_t j = 0; j < pairs; ++j) both += ((bits(x[2 * j]) | bits(x[2 * j + 1])) & 0x7fffffff) == 0;
  return both;
}

// A few rows at a time, which stay in the first-level cache from one loop to the next.
constexpr std::int64_t chunk_elements = 4096;

}  // namespace

void ValueObserver::look(const float* x, std::int64_t count, std::int64_t channels) {
  elements_ = count;
  pairs_ = count / channels * (channels / 2);
  both_zero_ = 0;
  std::int64_t alone_zero = 0;  // zeros of last channels that have no partner
  Extremes e;
  // Rows of even length are one long row for pairs.
  const std::int64_t row = channels % 2 == 0 ? 2 : channels,
                     chunk = std::max<std::int64_t>(chunk_elements / row, 1) * row;
  for (std::int64_t first = 0; first < count; first += chunk) {
    const float* part = x + first;
    const std::int64_t n = std::min(chunk, count - first);
    extend(e, part, n);
    filler_.fill(part, n);
    if (channels % 2 == 0) {
      both_zero_ += both_zero(part, n / 2);
      continue;
    }
    for (std::int64_t at = 0; at < n; at += channels) {
      both_zero_ += both_zero(part + at, channels / 2);
      alone_zero += part[at + channels - 1] == 0;
    }
  }
  zeros_ = e.zeros;
  one_zero_ = zeros_ - alone_zero - 2 * both_zero_;
  const auto pattern = [](std::int32_t order) { return static_cast<std::uint32_t>(ordered(order)); };
  highest_ = std::max(pattern(e.min) & magnitude_mask, pattern(e.max) & magnitude_mask);
  finite_ = highest_ < infinity;
  if (!finite_) {
    filler_.clear();
    return;
  }
  min_ = std::bit_cast<float>(pattern(e.min)) + 0.0f;
  max_ = std::bit_cast<float>(pattern(e.max)) + 0.0f;
}

void ValueObserver::add_counts(ValueStatistics& into) {
  into.elements += elements_;
  into.zeros += zeros_;
  into.pairs += pairs_;
  into.pairs_both_zero += both_zero_;
  into.pairs_one_zero += one_zero_;
  filler_.drain(into.histogram, highest_, min_ < 0);
}

}  // namespace bitsieve
