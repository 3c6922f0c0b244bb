#include "quant/shared_shifts.h"

#include <algorithm>
#include <bit>

namespace bitsieve {

std::int64_t groups_of_filter(const SharedShifts& code, std::int64_t k) {
  if (code.one_group) return 1;
  return k / code.run * ((code.run + code.group - 1) / code.group);
}

std::size_t group_of_weight(const SharedShifts& code, std::int64_t k, std::int64_t o, std::int64_t i) {
  if (code.one_group) return 0;
  const std::int64_t per_run = (code.run + code.group - 1) / code.group;
  return static_cast<std::size_t>(o * groups_of_filter(code, k) + i / code.run * per_run + i % code.run / code.group);
}

std::int64_t group_size(const SharedShifts& code, std::int64_t outputs, std::int64_t k) {
  return code.one_group ? outputs * k : code.group;
}

std::int64_t filter_blocks(const SharedShifts& code, std::int64_t outputs) {
  return code.columns > 0 ? (outputs + code.columns - 1) / code.columns : 1;
}

std::int64_t filters_of_block(const SharedShifts& code, std::int64_t outputs, std::int64_t block) {
  return code.columns > 0 ? std::min(code.columns, outputs - block * code.columns) : outputs;
}

std::vector<std::uint8_t> shifts_of_filters(const SharedShifts& code, std::int64_t outputs) {
  std::vector<std::uint8_t> result(static_cast<std::size_t>(outputs));
  for (std::int64_t i = 0; i < outputs; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t block = code.columns > 0 ? static_cast<std::size_t>(i / code.columns) : 0;
    result[code.filter.empty() ? at : code.filter[at]] = code.shifts[block];
  }
  return result;
}

std::int64_t bits_of_group(const SharedShifts& code, std::int64_t size, int shifts) {
  return size * (1 + shifts) + (code.consecutive ? 3 : 3 * shifts);
}

bool is_scheduled(const SharedShifts& code) { return code.shifts.size() > 1 || !code.filter.empty(); }

std::int64_t schedule_bytes(const SharedShifts& code, std::int64_t outputs) {
  if (!is_scheduled(code)) return 0;
  const std::int64_t bits = std::bit_width(static_cast<std::uint64_t>(outputs - 1));
  return (4 * filter_blocks(code, outputs) + 7) / 8 + (bits * outputs + 7) / 8;
}

std::int64_t stored_bytes(const SharedShifts& code, std::int64_t outputs, std::int64_t k) {
  std::int64_t bytes = schedule_bytes(code, outputs);
  const std::int64_t size = group_size(code, outputs, k);
  for (std::int64_t block = 0; block < filter_blocks(code, outputs); ++block) {
    const std::int64_t groups = code.one_group ? 1 : filters_of_block(code, outputs, block) * groups_of_filter(code, k);
    bytes += (groups * bits_of_group(code, size, code.shifts[static_cast<std::size_t>(block)]) + 7) / 8;
  }
  return bytes;
}

double mean_shifts(const SharedShifts& code) {
  double sum = 0;
  for (const std::uint8_t n : code.shifts) sum += n;
  return code.shifts.empty() ? 0 : sum / static_cast<double>(code.shifts.size());
}

}  // namespace bitsieve
