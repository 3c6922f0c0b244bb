#include "kernels/peak/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/cpu.h"

namespace bitsieve {
namespace {

double bytes_a_second(const std::vector<std::uint64_t>& buffer, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  // Passes together take long beside a look at the clock.
  const std::size_t passes = std::max<std::size_t>(1, (std::size_t{1} << 23) / (buffer.size() * 8));
  double best = 1e9;
  volatile std::uint64_t sink = 0;
  for (const auto start = Clock::now(); best > 1e8 || since(start) < seconds;) {
    const auto before = Clock::now();
    for (std::size_t p = 0; p < passes; ++p) {
      std::uint64_t sums[16] = {};  // as many as additions need to overlap
      for (std::size_t i = 0; i + 16 <= buffer.size(); i += 16)
        for (std::size_t k = 0; k < 16; ++k) sums[k] += buffer[i + k];
      for (const std::uint64_t sum : sums) sink = sink + sum;
    }
    best = std::min(best, since(before));
  }
  return static_cast<double>(buffer.size() * 8 * passes) / best;
}

}  // namespace

ReadBandwidth read_bandwidth() {
  const auto words = [](std::int64_t bytes) {
    return std::vector<std::uint64_t>(static_cast<std::size_t>(bytes / 8), 1);
  };
  const std::int64_t most = std::int64_t{512} << 20;
  return {bytes_a_second(words(cache_bytes(2) / 2), 0.05),
          bytes_a_second(words(std::min(most, 4 * std::max(cache_bytes(3), std::int64_t{16} << 20))), 0.1)};
}

}  // namespace bitsieve
