// Prints how many weights a second the search of SWIS decomposes on one core, beside the plain reference, for each
// instruction set of this machine; then a network of 25 million weights on all processors.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "kernels/shift_search/shift_search.h"
#include "methods/swis/decompose.h"
#include "methods/swis/shift_sets.h"

namespace bitsieve::swis {
namespace {

using Clock = std::chrono::steady_clock;

// Filters with a scale of their own: the largest weight is 127.
std::vector<std::int8_t> bell(std::int64_t outputs, std::int64_t k) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal(0, 1);
  std::vector<std::int8_t> w;
  std::vector<double> filter(static_cast<std::size_t>(k));
  for (std::int64_t o = 0; o < outputs; ++o) {
    double peak = 0;
    for (double& x : filter) peak = std::max(peak, std::abs(x = normal(random)));
    for (const double x : filter) w.push_back(static_cast<std::int8_t>(std::nearbyint(x / peak * 127)));
  }
  return w;
}

// Median of runs of at least `seconds` in all.
template <class Run>
double median_seconds(double seconds, const Run& run) {
  std::vector<double> times;
  const auto start = Clock::now();
  do {
    const auto before = Clock::now();
    run();
    times.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  } while (Clock::now() - start < std::chrono::duration<double>(seconds));
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

double reference_rate(const std::vector<std::int8_t>& w, std::int64_t group, const Search& search) {
  constexpr std::size_t count = 1 << 15;
  std::vector<std::int16_t> q(static_cast<std::size_t>(group));
  return count / 1e6 / median_seconds(0.1, [&] {
           for (std::size_t at = 0; at < count; at += q.size())
             decompose_group(std::span(w).subspan(at, q.size()), search, q);
         });
}

// The kernel alone: sets and costs, without writing the rounded weights.
double kernel_rate(const ShiftSearchKernel& kernel, const std::vector<std::int8_t>& w, std::int64_t group,
                   const Search& search) {
  const auto sets = sets_of(search.shifts, search.consecutive);
  const ShiftSearchTable table(static_cast<int>(sets.size()), search.alpha.numerator, search.alpha.denominator,
                               [&](int weight, int set) {
                                 const int u = std::max(weight, -127);
                                 return u - nearest_weight(u, sets[static_cast<std::size_t>(set)]);
                               });
  const auto groups = static_cast<std::int64_t>(w.size()) / group;
  std::vector<std::uint8_t> set(static_cast<std::size_t>(groups));
  std::vector<std::uint32_t> cost(static_cast<std::size_t>(groups));
  return static_cast<double>(w.size()) / 1e6 / median_seconds(0.1, [&] {
           kernel.run({&table, w.data(), groups, group, set.data(), cost.data()});
         });
}

void run_all() {
  constexpr std::int64_t outputs = 512, k = 2304;
  const std::vector<std::int8_t> w = bell(outputs, k);
  fmt::print("million weights per second and core{:27}reference", "");
  for (const ShiftSearchKernel* kernel : shift_search_kernels())
    if (isa_supported(kernel->isa)) fmt::print("{:>12}", isa_name(kernel->isa));
  fmt::print("  whole layer\n");
  struct Case {
    int shifts;
    std::int64_t group;
    Alpha alpha;
    bool consecutive;
  };
  for (const Case& c : {Case{1, 4, {1, 1}, false},
                        {2, 4, {1, 1}, false},
                        {3, 4, {1, 1}, false},
                        {4, 4, {1, 1}, false},
                        {5, 4, {1, 1}, false},
                        {3, 4, {0, 1}, false},
                        {3, 4, {5, 8}, false},
                        {3, 8, {1, 1}, false},
                        {3, 16, {1, 1}, false},
                        {3, 1, {1, 1}, false},
                        {3, 4, {1, 1}, true}}) {
    Search search;
    search.shifts = c.shifts;
    search.alpha = c.alpha;
    search.consecutive = c.consecutive;
    fmt::print("{:<7} N={} M={:<2} alpha={:<5}{:34}{:>9.1f}", c.consecutive ? "SWIS-C" : "SWIS", c.shifts, c.group,
               static_cast<double>(c.alpha.numerator) / c.alpha.denominator, "", reference_rate(w, c.group, search));
    for (const ShiftSearchKernel* kernel : shift_search_kernels()) {
      if (isa_supported(kernel->isa)) fmt::print("{:>12.1f}", kernel_rate(*kernel, w, c.group, search));
    }
    const double seconds = median_seconds(0.2, [&] {
      decompose_layer(w.data(), {outputs, k, k, c.group}, search, {}, 1);
    });
    fmt::print("{:>13.1f}\n", static_cast<double>(w.size()) / 1e6 / seconds);
  }
  const std::int64_t layers = 22;
  Search search;
  const double seconds = median_seconds(1, [&] {
    for (std::int64_t i = 0; i < layers; ++i) decompose_layer(w.data(), {outputs, k, 256, 4}, search);
  });
  fmt::print("a network of {:.1f} million weights, N=3 M=4 MSE++, {} processors: {:.3f} s\n",
             static_cast<double>(layers * outputs * k) / 1e6, available_threads(), seconds);
}

}  // namespace
}  // namespace bitsieve::swis

int main() { bitsieve::swis::run_all(); }
