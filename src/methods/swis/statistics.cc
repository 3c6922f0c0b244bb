#include "methods/swis/statistics.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace bitsieve::swis {

GroupStatistics group_statistics(std::span<const std::int8_t> weights, const Groups& groups) {
  std::array<std::int64_t, 256> count{};  // of groups, by the union of their magnitudes
  for (std::int64_t run = 0; run < groups.outputs * groups.k; run += groups.run) {
    for (std::int64_t at = 0; at < groups.run; at += groups.group) {
      unsigned all = 0;
      for (std::int64_t i = at; i < std::min(groups.run, at + groups.group); ++i)
        all |= static_cast<unsigned>(std::abs(int{weights[static_cast<std::size_t>(run + i)]}));
      ++count[all];
    }
  }
  GroupStatistics statistics;
  const auto total = static_cast<double>(std::max<std::int64_t>(1, groups.outputs * groups.per_filter()));
  for (unsigned all = 0; all < 256; ++all) {
    const double share = static_cast<double>(count[all]) / total;
    const int bits = std::popcount(all), span = all == 0 ? 0 : std::bit_width(all) - std::countr_zero(all);
    for (int n = bits; n <= 8; ++n) statistics.exact[static_cast<std::size_t>(n)] += share;
    for (int n = span; n <= 8; ++n) statistics.exact_consecutive[static_cast<std::size_t>(n)] += share;
    for (unsigned p = 0; p < 8; ++p) statistics.occupancy[p] += (all >> p & 1) != 0 ? share : 0;
  }
  return statistics;
}

}  // namespace bitsieve::swis
