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
  std::array<std::int64_t, 9> exact{}, exact_consecutive{};
  std::array<std::int64_t, 8> occupancy{};
  for (unsigned all = 0; all < 256; ++all) {
    const int bits = std::popcount(all), span = all == 0 ? 0 : std::bit_width(all) - std::countr_zero(all);
    for (int n = bits; n <= 8; ++n) exact[static_cast<std::size_t>(n)] += count[all];
    for (int n = span; n <= 8; ++n) exact_consecutive[static_cast<std::size_t>(n)] += count[all];
    for (unsigned p = 0; p < 8; ++p) occupancy[p] += (all >> p & 1) != 0 ? count[all] : 0;
  }
  const auto total = static_cast<double>(std::max<std::int64_t>(1, groups.outputs * groups.per_filter()));
  const auto share = [total](std::int64_t n) { return static_cast<double>(n) / total; };
  GroupStatistics statistics;
  std::transform(exact.begin(), exact.end(), statistics.exact.begin(), share);
  std::transform(exact_consecutive.begin(), exact_consecutive.end(), statistics.exact_consecutive.begin(), share);
  std::transform(occupancy.begin(), occupancy.end(), statistics.occupancy.begin(), share);
  return statistics;
}

}  // namespace bitsieve::swis
