// Different numbers of shifts for different filters of a layer (specification of SWIS, A.6).
//
// The array runs C filters, a block, at the same time, and they share one number of shifts. A block costs so many
// cycles whether it is full or not, so the average is over blocks. Filters are sorted so that those that need many
// shifts run together; the model keeps its order, as results are written back to where they belong.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace bitsieve::swis {

inline constexpr int most_shifts = 8;

// Error of each filter at each number of shifts: [filter][N], N = 0 to most_shifts; entries of levels that are not
// allowed are not read. Integer errors times the square of the filter's scale.
using FilterErrors = std::vector<std::vector<double>>;

struct Schedule {
  std::vector<std::uint8_t> shifts;   // of each block, in the order they run
  std::vector<std::uint32_t> filter;  // which filter runs when
  double error = 0;                   // sum over filters
  double mean() const;                // shifts of a block
};

// Two levels around `target`, the high one for as many blocks as keep the average at or below it: those of the filters
// that gain most by it. Optimal for that number of blocks. (The specification rounds to the nearest number of blocks; a
// target that may be passed is no budget.) levels: ascending, the target inside their range.
Schedule two_levels(const FilterErrors& errors, std::span<const int> levels, double target, std::int64_t columns);

// Any of the levels for each block: filters sorted by their error at the highest level not above the target, cut into
// blocks, then the least error with a mean of at most `target`. Optimal for that order. Throws Error for a table above
// 256 MiB.
Schedule any_levels(const FilterErrors& errors, std::span<const int> levels, double target, std::int64_t columns);

}  // namespace bitsieve::swis
