#include "methods/swis/schedule.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace bitsieve::swis {
namespace {

constexpr std::size_t most_table = std::size_t{1} << 28;  // bytes

// Descending by key; equal keys keep the model's order.
template <class Key>
std::vector<std::uint32_t> sorted_filters(std::size_t count, const Key& key) {
  std::vector<std::uint32_t> filters(count);
  std::iota(filters.begin(), filters.end(), 0u);
  std::stable_sort(filters.begin(), filters.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) > key(b); });
  return filters;
}

double block_error(const FilterErrors& errors, const std::vector<std::uint32_t>& filter, std::int64_t columns,
                   std::size_t block, int shifts) {
  const auto width = static_cast<std::size_t>(columns);
  double sum = 0;
  for (std::size_t i = block * width; i < std::min(filter.size(), (block + 1) * width); ++i) {
    sum += errors[filter[i]][static_cast<std::size_t>(shifts)];
  }
  return sum;
}

std::size_t count_blocks(const FilterErrors& errors, std::span<const int> levels, double target, std::int64_t columns) {
  if (errors.empty() || columns < 1 || levels.empty() || target < levels.front() || target > levels.back()) {
    fail("no schedule of {} filters on {} columns for {} shifts on average", errors.size(), columns, target);
  }
  return (errors.size() + static_cast<std::size_t>(columns) - 1) / static_cast<std::size_t>(columns);
}

void add_up(const FilterErrors& errors, std::int64_t columns, Schedule& schedule) {
  schedule.error = 0;
  for (std::size_t b = 0; b < schedule.shifts.size(); ++b) {
    schedule.error += block_error(errors, schedule.filter, columns, b, schedule.shifts[b]);
  }
}

}  // namespace

double Schedule::mean() const {
  return static_cast<double>(std::accumulate(shifts.begin(), shifts.end(), 0)) / static_cast<double>(shifts.size());
}

Schedule two_levels(const FilterErrors& errors, std::span<const int> levels, double target, std::int64_t columns) {
  const std::size_t blocks = count_blocks(errors, levels, target, columns);
  const auto above = std::find_if(levels.begin(), levels.end(), [&](int level) { return level >= target; });
  const int high = *above, low = above == levels.begin() || high == target ? high : *(above - 1);
  std::size_t many = 0;
  if (high > low) {
    many = static_cast<std::size_t>(std::floor((target - low) / (high - low) * static_cast<double>(blocks) + 1e-9));
  }
  const auto at = [](int level) { return static_cast<std::size_t>(level); };
  Schedule schedule;
  schedule.filter =
      sorted_filters(errors.size(), [&](std::uint32_t f) { return errors[f][at(low)] - errors[f][at(high)]; });
  schedule.shifts.assign(blocks, static_cast<std::uint8_t>(low));
  std::fill_n(schedule.shifts.begin(), many, static_cast<std::uint8_t>(high));
  add_up(errors, columns, schedule);
  return schedule;
}

Schedule any_levels(const FilterErrors& errors, std::span<const int> levels, double target, std::int64_t columns) {
  const std::size_t blocks = count_blocks(errors, levels, target, columns);
  const auto above = std::find_if(levels.begin(), levels.end(), [&](int level) { return level > target; });
  const auto base = static_cast<std::size_t>(*(above - 1));
  Schedule schedule;
  schedule.filter = sorted_filters(errors.size(), [&](std::uint32_t f) { return errors[f][base]; });
  const auto budget = static_cast<std::size_t>(std::floor(target * static_cast<double>(blocks) + 1e-9));
  // least[s]: error of the blocks so far with s shifts in all; the level of each block on that way is kept.
  const std::size_t width = budget + 1;
  if (blocks * width > most_table) fail("a schedule of {} blocks is too large; give it more columns", blocks);
  std::vector<double> least(width, INFINITY), next(width);
  std::vector<std::uint8_t> chosen((blocks + 1) * width, 0);
  least[0] = 0;
  for (std::size_t b = 0; b < blocks; ++b) {
    std::fill(next.begin(), next.end(), INFINITY);
    for (const int level : levels) {
      const double error = block_error(errors, schedule.filter, columns, b, level);
      for (std::size_t s = 0; s + static_cast<std::size_t>(level) < width; ++s) {
        const std::size_t to = s + static_cast<std::size_t>(level);
        if (least[s] + error < next[to]) {
          next[to] = least[s] + error;
          chosen[(b + 1) * width + to] = static_cast<std::uint8_t>(level);
        }
      }
    }
    least.swap(next);
  }
  auto s = static_cast<std::size_t>(std::min_element(least.begin(), least.end()) - least.begin());
  schedule.shifts.resize(blocks);
  for (std::size_t b = blocks; b > 0; --b) {
    schedule.shifts[b - 1] = chosen[b * width + s];
    s -= schedule.shifts[b - 1];
  }
  add_up(errors, columns, schedule);
  return schedule;
}

}  // namespace bitsieve::swis
