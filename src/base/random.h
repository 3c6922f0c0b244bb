// Random numbers that are the same with every compiler and standard library.
#pragma once
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace bitsieve {

// SplitMix64 (Steele, Lea and Flood 2014): few lines, and any state is a good start.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // A stream of its own for each of `number`.
  Random(std::uint64_t seed, std::uint64_t number) : state_(seed) { state_ = next() + number; }

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // 0 to 1, without 1: a multiple of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  // 0 to n - 1, n >= 1; the modulo prefers the smaller ones by less than n in 2^64.
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n)); }

 private:
  std::uint64_t state_;
};

// 0 to count - 1 in a random order (Fisher and Yates).
inline std::vector<std::int64_t> shuffled(std::int64_t count, Random random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t i = count; i > 1; --i)
    std::swap(order[static_cast<std::size_t>(i - 1)], order[static_cast<std::size_t>(random.below(i))]);
  return order;
}

}  // namespace bitsieve
