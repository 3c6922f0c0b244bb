// Lanes are sets. A weight adds its row of errors and of squared errors, 16 bits a set, 32 sets a register; both sums
// are exact or saturate, and a saturated one is larger than any cost that is believed here.
#include <immintrin.h>

#include "kernels/shift_search/internal.h"

namespace bitsieve::shift_search {
namespace {

template <int registers>
struct Sums {
  __m512i error[registers], squares[registers];
};

template <int registers>
inline void sum_rows(const ShiftSearchTable& table, const std::int8_t* weights, std::int64_t group,
                     Sums<registers>& sums) {
  constexpr int lanes = 32 * registers;
  const std::int16_t* base = table.row(0);
  const auto row = [&](std::int64_t i) { return base + static_cast<std::uint8_t>(weights[i]) * 2 * lanes; };
  for (int r = 0; r < registers; ++r) {
    sums.error[r] = _mm512_load_si512(row(0) + 32 * r);
    sums.squares[r] = _mm512_load_si512(row(0) + lanes + 32 * r);
  }
  for (std::int64_t i = 1; i < group; ++i) {
    for (int r = 0; r < registers; ++r) {
      sums.error[r] = _mm512_add_epi16(sums.error[r], _mm512_load_si512(row(i) + 32 * r));
      sums.squares[r] = _mm512_adds_epu16(sums.squares[r], _mm512_load_si512(row(i) + lanes + 32 * r));
    }
  }
}

// alpha 0 or 1: costs in 16 bits. An error sum of 255 and more counts as 255, so costs below 255^2 are exact and no
// other is below that.
template <int registers, bool with_sum>
void run_narrow(const ShiftSearchArgs& args) {
  constexpr unsigned believed = with_sum ? 255 * 255 : 65535;
  const __m512i most = _mm512_set1_epi16(255);
  Sums<registers> sums;
  const std::int8_t* weights = args.weights;
  for (std::int64_t g = 0; g < args.groups; ++g, weights += args.group) {
    sum_rows<registers>(*args.table, weights, args.group, sums);
    __m512i cost[registers];
    for (int r = 0; r < registers; ++r) {
      cost[r] = sums.squares[r];
      if constexpr (with_sum) {
        const __m512i sum = _mm512_min_epu16(_mm512_abs_epi16(sums.error[r]), most);
        cost[r] = _mm512_adds_epu16(cost[r], _mm512_mullo_epi16(sum, sum));
      }
    }
    __m512i least = cost[0];
    for (int r = 1; r < registers; ++r) least = _mm512_min_epu16(least, cost[r]);
    const __m256i half = _mm256_min_epu16(_mm512_castsi512_si256(least), _mm512_extracti64x4_epi64(least, 1));
    const __m128i quarter = _mm_min_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    const __m128i found = _mm_minpos_epu16(quarter);
    const auto value = static_cast<unsigned>(_mm_cvtsi128_si32(found)) & 0xffff;
    if (value >= believed) {
      search_group(*args.table, weights, args.group, args.set + g, args.cost + g);
      continue;
    }
    const __m512i everywhere = _mm512_broadcastw_epi16(found);
    unsigned at = 0;
    for (int r = registers - 1; r >= 0; --r) {
      const __mmask32 equal = _mm512_cmpeq_epi16_mask(cost[r], everywhere);
      if (equal) at = static_cast<unsigned>(32 * r) + static_cast<unsigned>(__builtin_ctz(equal));
    }
    args.set[g] = static_cast<std::uint8_t>(at);
    args.cost[g] = value;
  }
}

// Any alpha: one multiply-add of (squares, sum) with (denominator, numerator * sum) for each set. Both factors are
// bounded so that the products fit; a cost below what the bounds give is exact.
template <int registers>
void run_wide(const ShiftSearchArgs& args) {
  const std::int32_t numerator = args.table->numerator(), denominator = args.table->denominator();
  const std::int32_t most_sum = 32767 / (numerator > 8 ? numerator : 8);
  std::int64_t believed = std::int64_t{denominator} * 32767;
  if (numerator > 0 && std::int64_t{numerator} * most_sum * most_sum < believed) {
    believed = std::int64_t{numerator} * most_sum * most_sum;
  }
  const __m512i bound = _mm512_set1_epi16(static_cast<short>(most_sum)), top = _mm512_set1_epi16(32767);
  const __m512i times = _mm512_set1_epi16(static_cast<short>(numerator));
  const __m512i share = _mm512_set1_epi16(static_cast<short>(denominator));
  Sums<registers> sums;
  const std::int8_t* weights = args.weights;
  for (std::int64_t g = 0; g < args.groups; ++g, weights += args.group) {
    sum_rows<registers>(*args.table, weights, args.group, sums);
    __m512i cost[2 * registers];
    for (int r = 0; r < registers; ++r) {
      const __m512i sum = _mm512_min_epi16(_mm512_abs_epi16(sums.error[r]), bound);
      const __m512i squares = _mm512_min_epu16(sums.squares[r], top);
      const __m512i scaled = _mm512_mullo_epi16(sum, times);
      cost[2 * r] = _mm512_madd_epi16(_mm512_unpacklo_epi16(squares, sum), _mm512_unpacklo_epi16(share, scaled));
      cost[2 * r + 1] = _mm512_madd_epi16(_mm512_unpackhi_epi16(squares, sum), _mm512_unpackhi_epi16(share, scaled));
    }
    __m512i least = cost[0];
    for (int r = 1; r < 2 * registers; ++r) least = _mm512_min_epu32(least, cost[r]);
    const unsigned value = _mm512_reduce_min_epu32(least);
    if (value >= believed) {
      search_group(*args.table, weights, args.group, args.set + g, args.cost + g);
      continue;
    }
    const __m512i everywhere = _mm512_set1_epi32(static_cast<int>(value));
    unsigned at = 0;
    for (int r = 2 * registers - 1; r >= 0; --r) {
      const __mmask16 equal = _mm512_cmpeq_epi32_mask(cost[r], everywhere);
      if (equal) at = static_cast<unsigned>(16 * r) + static_cast<unsigned>(__builtin_ctz(equal));
    }
    args.set[g] = static_cast<std::uint8_t>(at);
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
      return run_registers<1>(args);
    case 64:
      return run_registers<2>(args);
    default:
      return run_registers<3>(args);
  }
}

}  // namespace

const ShiftSearchKernel avx512vnni{"shift_search_avx512vnni", Isa::avx512vnni, run, joint_avx512vnni};

}  // namespace bitsieve::shift_search
