#include "quant/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace bitsieve {

double Histogram::edge(int m) {
  const int exponent = m >> mantissa_bits, mantissa = m & ((1 << mantissa_bits) - 1);
  // Subnormals have no hidden one and the exponent of the smallest normal numbers.
  if (exponent == 0) return std::ldexp(mantissa, -126 - mantissa_bits);
  return std::ldexp((1 << mantissa_bits) + mantissa, exponent - 127 - mantissa_bits);
}

std::int64_t Histogram::count(int bucket) const {
  const auto page = pages_.find(bucket / page_size);
  return page == pages_.end() ? 0 : page->second[static_cast<std::size_t>(bucket % page_size)];
}

std::int64_t Histogram::total() const {
  std::int64_t sum = 0;
  for (const auto& [index, page] : pages_) sum = std::accumulate(page.begin(), page.end(), sum);
  return sum;
}

void Histogram::add(int bucket, std::int64_t count) {
  if (count != 0) pages_[bucket / page_size][static_cast<std::size_t>(bucket % page_size)] += count;
}

void Histogram::merge(const Histogram& other) {
  for (const auto& [index, page] : other.pages_) {
    Page& mine = pages_[index];
    for (std::size_t i = 0; i < page.size(); ++i) mine[i] += page[i];
  }
}

std::vector<std::int64_t> Histogram::dense() const {
  std::vector<std::int64_t> result(buckets);
  for (const auto& [index, page] : pages_) std::copy(page.begin(), page.end(), result.begin() + index * page_size);
  return result;
}

std::vector<std::int64_t> Histogram::by_magnitude(bool non_negative_only) const {
  std::vector<std::int64_t> result = dense();
  for (std::size_t m = 0; m < finite_magnitudes && !non_negative_only; ++m) result[m] += result[m + magnitudes];
  result.resize(finite_magnitudes);
  return result;
}

MeanVariance mean_and_variance(const Histogram& histogram) {
  const std::vector<std::int64_t> counts = histogram.dense();
  double sum = 0, squares = 0, total = 0;
  for (int m = 0; m < Histogram::finite_magnitudes; ++m) {
    const auto positive = static_cast<double>(counts[static_cast<std::size_t>(m)]),
               negative = static_cast<double>(counts[static_cast<std::size_t>(m + Histogram::magnitudes)]);
    const double x = m == 0 ? 0 : (Histogram::edge(m) + Histogram::edge(m + 1)) / 2;
    sum += x * (positive - negative);
    squares += x * x * (positive + negative);
    total += positive + negative;
  }
  if (total == 0) return {};
  const double mean = sum / total;
  return {mean, std::max(0.0, squares / total - mean * mean)};
}

void HistogramFiller::fill(const float* x, std::int64_t n) {
  std::uint32_t* const table = tables_.data();
  const auto bucket = [&](std::int64_t i) { return std::bit_cast<std::uint32_t>(x[i]) >> Histogram::shift; };
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) ++table[lane * Histogram::buckets + bucket(i + lane)];
  }
  for (; i < n; ++i) ++table[bucket(i)];
}

void HistogramFiller::clear() { std::fill(tables_.begin(), tables_.end(), 0u); }

void HistogramFiller::drain(Histogram& into, std::uint32_t highest, bool any_negative) {
  constexpr int page_size = Histogram::page_size, negative = Histogram::magnitudes / page_size;
  const auto cells = [&](int lane, int page) { return tables_.data() + lane * Histogram::buckets + page * page_size; };
  const auto take = [&](int page) {
    std::array<std::uint32_t, page_size> sums{};  // fewer than 2^32 values in all
    for (int lane = 0; lane < lanes; ++lane) {
      for (std::size_t i = 0; i < page_size; ++i) sums[i] += cells(lane, page)[i];
    }
    std::uint32_t any = 0;
    for (const std::uint32_t n : sums) any |= n;
    if (any == 0) return;
    for (int lane = 0; lane < lanes; ++lane) std::fill_n(cells(lane, page), page_size, 0u);
    Histogram::Page& target = into.pages_[page];
    for (std::size_t i = 0; i < page_size; ++i) target[i] += sums[i];
  };
  // Zeros and subnormals below zero join bucket 0.
  std::int64_t below_zero = 0;
  for (int lane = 0; lane < lanes; ++lane) below_zero += std::exchange(*cells(lane, negative), 0u);
  into.add(0, below_zero);
  const int last = static_cast<int>(highest >> Histogram::shift) / page_size;
  for (int page = 0; page <= last; ++page) {
    take(page);
    if (any_negative) take(page + negative);
  }
}

}  // namespace bitsieve
