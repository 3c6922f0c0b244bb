// As shift_search_avx512vnni.cc, with 16 sets a register.
#include <immintrin.h>

#include "kernels/shift_search/internal.h"

namespace bitsieve::shift_search {
namespace {

inline __m256i load(const std::int16_t* from) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(from)); }

template <int registers>
struct Sums {
  __m256i error[registers], squares[registers];
};

template <int registers>
inline void sum_rows(const ShiftSearchTable& table, const std::int8_t* weights, std::int64_t group,
                     Sums<registers>& sums) {
  constexpr int lanes = 16 * registers;
  const std::int16_t* base = table.row(0);
  const auto row = [&](std::int64_t i) { return base + static_cast<std::uint8_t>(weights[i]) * 2 * lanes; };
  for (int r = 0; r < registers; ++r) {
    sums.error[r] = load(row(0) + 16 * r);
    sums.squares[r] = load(row(0) + lanes + 16 * r);
  }
  for (std::int64_t i = 1; i < group; ++i) {
    for (int r = 0; r < registers; ++r) {
      sums.error[r] = _mm256_add_epi16(sums.error[r], load(row(i) + 16 * r));
      sums.squares[r] = _mm256_adds_epu16(sums.squares[r], load(row(i) + lanes + 16 * r));
    }
  }
}

// Where the least cost is, from the last register to the first, so that the first set wins.
template <int registers, class Equal>
inline unsigned first_equal(const __m256i (&cost)[registers], unsigned bytes_per_lane, const Equal& equal) {
  unsigned at = 0;
  for (int r = registers - 1; r >= 0; --r) {
    const auto mask = static_cast<unsigned>(_mm256_movemask_epi8(equal(cost[r])));
    if (mask) {
      at = static_cast<unsigned>(r) * 32 / bytes_per_lane + static_cast<unsigned>(__builtin_ctz(mask)) / bytes_per_lane;
    }
  }
  return at;
}

template <int registers, bool with_sum>
void run_narrow(const ShiftSearchArgs& args) {
  constexpr unsigned believed = with_sum ? 255 * 255 : 65535;
  const __m256i most = _mm256_set1_epi16(255);
  Sums<registers> sums;
  const std::int8_t* weights = args.weights;
  for (std::int64_t g = 0; g < args.groups; ++g, weights += args.group) {
    sum_rows<registers>(*args.table, weights, args.group, sums);
    __m256i cost[registers];
    for (int r = 0; r < registers; ++r) {
      cost[r] = sums.squares[r];
      if constexpr (with_sum) {
        const __m256i sum = _mm256_min_epu16(_mm256_abs_epi16(sums.error[r]), most);
        cost[r] = _mm256_adds_epu16(cost[r], _mm256_mullo_epi16(sum, sum));
      }
    }
    __m256i least = cost[0];
    for (int r = 1; r < registers; ++r) least = _mm256_min_epu16(least, cost[r]);
    const __m128i found =
        _mm_minpos_epu16(_mm_min_epu16(_mm256_castsi256_si128(least), _mm256_extracti128_si256(least, 1)));
    const auto value = static_cast<unsigned>(_mm_cvtsi128_si32(found)) & 0xffff;
    if (value >= believed) {
      search_group(*args.table, weights, args.group, args.set + g, args.cost + g);
      continue;
    }
    const __m256i everywhere = _mm256_broadcastw_epi16(found);
    args.set[g] = static_cast<std::uint8_t>(
        first_equal(cost, 2, [&](const __m256i& c) { return _mm256_cmpeq_epi16(c, everywhere); }));
    args.cost[g] = value;
  }
}

template <int registers>
void run_wide(const ShiftSearchArgs& args) {
  const std::int32_t numerator = args.table->numerator(), denominator = args.table->denominator();
  const std::int32_t most_sum = 32767 / (numerator > 8 ? numerator : 8);
  std::int64_t believed = std::int64_t{denominator} * 32767;
  if (numerator > 0 && std::int64_t{numerator} * most_sum * most_sum < believed) {
    believed = std::int64_t{numerator} * most_sum * most_sum;
  }
  const __m256i bound = _mm256_set1_epi16(static_cast<short>(most_sum)), top = _mm256_set1_epi16(32767);
  const __m256i times = _mm256_set1_epi16(static_cast<short>(numerator));
  const __m256i share = _mm256_set1_epi16(static_cast<short>(denominator));
  Sums<registers> sums;
  const std::int8_t* weights = args.weights;
  for (std::int64_t g = 0; g < args.groups; ++g, weights += args.group) {
    sum_rows<registers>(*args.table, weights, args.group, sums);
    __m256i cost[2 * registers];
    for (int r = 0; r < registers; ++r) {
      const __m256i sum = _mm256_min_epi16(_mm256_abs_epi16(sums.error[r]), bound);
      const __m256i squares = _mm256_min_epu16(sums.squares[r], top);
      const __m256i scaled = _mm256_mullo_epi16(sum, times);
      // The low halves of two registers hold sets 0 to 15 of a block of 32, the high halves the others.
      const int at = r / 2 * 4 + r % 2;
      cost[at] = _mm256_madd_epi16(_mm256_unpacklo_epi16(squares, sum), _mm256_unpacklo_epi16(share, scaled));
      cost[at + 2] = _mm256_madd_epi16(_mm256_unpackhi_epi16(squares, sum), _mm256_unpackhi_epi16(share, scaled));
    }
    __m256i least = cost[0];
    for (int r = 1; r < 2 * registers; ++r) least = _mm256_min_epu32(least, cost[r]);
    __m128i found = _mm_min_epu32(_mm256_castsi256_si128(least), _mm256_extracti128_si256(least, 1));
    found = _mm_min_epu32(found, _mm_shuffle_epi32(found, 0x4e));
    found = _mm_min_epu32(found, _mm_shuffle_epi32(found, 0xb1));
    const auto value = static_cast<unsigned>(_mm_cvtsi128_si32(found));
    if (value >= believed) {
      search_group(*args.table, weights, args.group, args.set + g, args.cost + g);
      continue;
    }
    const __m256i everywhere = _mm256_broadcastd_epi32(found);
    args.set[g] = static_cast<std::uint8_t>(
        first_equal(cost, 4, [&](const __m256i& c) { return _mm256_cmpeq_epi32(c, everywhere); }));
    args.cost[g] = value;
  }
}

template <int registers>
void run_registers(const ShiftSearchArgs& args) {
  if (args.table->wide()) return run_wide<registers>(args);
  if (args.table->numerator() == 0) return run_narrow<registers, false>(args);
  return run_narrow<registers, true>(args);
}

void run(const ShiftSearchArgs& args) {
  switch (args.table->lanes()) {
    case 32:
      return run_registers<2>(args);
    case 64:
      return run_registers<4>(args);
    default:
      return run_registers<6>(args);
  }
}

}  // namespace

const ShiftSearchKernel avx2{"shift_search_avx2", Isa::avx2, run, joint_avx2};

}  // namespace bitsieve::shift_search
