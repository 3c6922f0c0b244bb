// Counts of floats on a logarithmic scale: a bucket is the top 14 bits of the binary32 pattern (sign, 8 exponent bits,
// 5 mantissa bits), so a bucket is at most 1/32 of its lower edge wide whatever the values are. Needs no range known
// beforehand, so one pass over the images is enough, and two histograms merge by adding.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <vector>

namespace bitsieve {

class Histogram {
 public:
  static constexpr int mantissa_bits = 5;
  static constexpr int shift = 23 - mantissa_bits;                // of the bit pattern, sign aside
  static constexpr int magnitudes = 1 << (8 + mantissa_bits);     // buckets of one sign
  static constexpr int buckets = 2 * magnitudes;                  // non-negative ones first
  static constexpr int finite_magnitudes = 255 << mantissa_bits;  // buckets from here on hold infinities and NaN

  // Bucket of a finite x. Magnitudes below 2^-131 of either sign, zero included, share bucket 0.
  static int bucket_of(float x) {
    const auto bucket = static_cast<int>(std::bit_cast<std::uint32_t>(x) >> shift);
    return bucket == magnitudes ? 0 : bucket;
  }
  // Magnitudes of buckets m and m + magnitudes lie in [edge(m), edge(m + 1)). m from 0 to finite_magnitudes.
  static double edge(int m);

  bool empty() const { return pages_.empty(); }
  std::int64_t count(int bucket) const;
  std::int64_t total() const;
  void add(int bucket, std::int64_t count);
  void merge(const Histogram& other);

  // All counts, by bucket.
  std::vector<std::int64_t> dense() const;
  // Counts by magnitude bucket, finite_magnitudes of them; of values >= 0 only, or of both signs together.
  std::vector<std::int64_t> by_magnitude(bool non_negative_only) const;

  bool operator==(const Histogram&) const = default;

 private:
  friend class HistogramFiller;
  // The buckets of one sign and exponent. Only pages with a count exist: real values use 20 to 40 of the 512.
  static constexpr int page_size = 1 << mantissa_bits;
  using Page = std::array<std::int64_t, page_size>;
  std::map<int, Page> pages_;
};

// Mean and variance of what was counted, each value taken as the middle of its bucket; zeros where nothing was.
struct MeanVariance {
  double mean = 0, variance = 0;
};
MeanVariance mean_and_variance(const Histogram& histogram);

// Scratch memory for filling histograms fast; one per thread.
class HistogramFiller {
 public:
  HistogramFiller() : tables_(static_cast<std::size_t>(lanes) * Histogram::buckets) {}

  // Counts n floats, fewer than 2^32 between two drain().
  void fill(const float* x, std::int64_t n);

  // Adds what fill() counted to `into` and forgets it. All was finite; `highest` is the bit pattern of the largest
  // magnitude or above; any_negative may be false only where no value was below 0 (-0 may have been there).
  void drain(Histogram& into, std::uint32_t highest, bool any_negative);

  // Forgets what fill() counted, finite or not.
  void clear();

 private:
  // Neighbours are often equal (zeros, saturated activations); each lane increments a table of its own, so that an
  // increment need not wait for the one before it.
  static constexpr int lanes = 4;
  std::vector<std::uint32_t> tables_;  // [lane][bucket], all zero before the first fill()
};

}  // namespace bitsieve
