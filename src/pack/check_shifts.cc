#include "pack/check_shifts.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace bitsieve::pack {

void check_shifts_form(const SharedShifts& code, bool scheduled, std::int64_t outputs, std::int64_t k,
                       const std::string& where) {
  if (code.one_group) {
    if (code.group != 0 || code.run != 0 || code.columns != 0 || scheduled)
      fail("{}: one group for the layer, and more", where);
  } else {
    if (code.group < 1 || code.group > 32 || !std::has_single_bit(static_cast<std::uint64_t>(code.group)))
      fail("{}: groups of {} weights, not 1, 2, 4, 8, 16 or 32", where, code.group);
    if (code.run < 1 || k % code.run != 0)
      fail("{}: groups within {} weights do not divide filters of {}", where, code.run, k);
    if (scheduled ? code.columns < 1 || code.columns > 65535 : code.columns != 0)
      fail("{}: blocks of {} filters", where, code.columns);
  }
  if (scheduled) return;
  if (code.shifts.size() != 1 || code.shifts[0] < 1 || code.shifts[0] > 8)
    fail("{}: the number of shifts must be 1 to 8", where);
  if (!code.filter.empty() || outputs < 1) fail("{}: an order of filters without a schedule", where);
}

void check_shifts(const SharedShifts& code, std::span<const std::int8_t> weights, std::int64_t outputs,
                  const std::string& where) {
  const std::int64_t k = static_cast<std::int64_t>(weights.size()) / outputs;
  const bool scheduled = is_scheduled(code);
  check_shifts_form(code, scheduled, outputs, k, where);
  if (scheduled) {
    std::vector<bool> seen(static_cast<std::size_t>(outputs));
    for (const std::uint32_t filter : code.filter) {
      if (filter >= outputs || seen[filter]) fail("{}: the order of filters is no permutation", where);
      seen[filter] = true;
    }
    if (static_cast<std::int64_t>(code.filter.size()) != outputs ||
        static_cast<std::int64_t>(code.shifts.size()) != filter_blocks(code, outputs)) {
      fail("{}: a schedule of {} filters in {} blocks", where, code.filter.size(), code.shifts.size());
    }
    if (!std::all_of(code.shifts.begin(), code.shifts.end(), [](int n) { return n >= 1 && n <= 8; }))
      fail("{}: the number of shifts must be 1 to 8", where);
  }
  const std::int64_t groups = groups_of_filter(code, k);
  if (static_cast<std::int64_t>(code.set.size()) != (code.one_group ? 1 : outputs * groups))
    fail("{}: {} sets of shifts for {} groups", where, code.set.size(), outputs * groups);
  const std::vector<std::uint8_t> shifts = shifts_of_filters(code, outputs);
  const std::int64_t per_run = code.one_group ? 1 : (code.run + code.group - 1) / code.group;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t group = code.one_group ? 0 : o * groups + i / code.run * per_run + i % code.run / code.group;
      const unsigned set = code.set[static_cast<std::size_t>(group)];
      const int w = weights[static_cast<std::size_t>(o * k + i)];
      if ((static_cast<unsigned>(std::abs(w)) & ~set) != 0) fail("{}: weight {} is no sum of its shifts", where, w);
      if (std::popcount(set) != shifts[static_cast<std::size_t>(o)]) fail("{}: a set of other than N shifts", where);
      if (code.consecutive && !std::has_single_bit((set >> std::countr_zero(set)) + 1))
        fail("{}: shifts that are not consecutive", where);
    }
  }
}

}  // namespace bitsieve::pack
