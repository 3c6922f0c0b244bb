// What the AVX-512 kernels do with finished sums of 16 columns and more. For files that are compiled for AVX-512:
// everything is in an anonymous namespace.
#pragma once
#include <immintrin.h>

#include "kernels/clear_upper_avx2.h"
#include "kernels/qgemm/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

inline __mmask16 first_columns(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : (1u << count) - 1u);
}

// Any epilogue, one vector of a row at a time.
inline void store(const QGemmArgs& args, std::int64_t m, std::int64_t n, __m512i acc) {
  const Epilogue& e = args.epilogue;
  const __mmask16 mask = first_columns(args.weights.n - n);
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m512 lo = _mm512_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m512 hi = _mm512_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(args.weights.multiplier + n));
  y = _mm512_min_ps(hi, _mm512_max_ps(lo, y));
  if (e.to_float) {
    _mm512_mask_storeu_ps(static_cast<float*>(args.out) + m * args.out_stride + n, mask, y);
    return;
  }
  _mm_mask_storeu_epi8(static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n, mask,
                       _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(y)));
}

// The bytes of a tile, four vectors at a time. BelowOne: all multipliers are, so products are rounded to int32 as they
// are, saturate on their way to bytes and are bounded there, all at once. Else upper bounds are taken in float, where
// nothing overflows; what is too low for int32 becomes the lowest int32. Inline, so that the accumulators stay in
// registers.
template <bool BelowOne, int Rows, int Vectors>
[[gnu::always_inline]] inline void store_bytes(const QGemmArgs& args, std::int64_t m, std::int64_t n, bool is_signed,
                                               const __m512i (&acc)[Rows][Vectors]) {
  constexpr int kTogether = 4 / Vectors;  // rows
  const __m512 hi = _mm512_set1_ps(static_cast<float>(args.epilogue.hi));
  const __m512i lo = _mm512_set1_epi8(static_cast<char>(args.epilogue.lo)),
                most = _mm512_set1_epi8(static_cast<char>(args.epilogue.hi));
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const std::int64_t left = args.weights.n - n;
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  __m512 multiplier[Vectors];
  repeat<Vectors>([&](auto v) __attribute__((always_inline)) {
    multiplier[v] = _mm512_loadu_ps(args.weights.multiplier + n + v * 16);
  });
  repeat<(Rows + kTogether - 1) / kTogether>([&](auto group) __attribute__((always_inline)) {
    __m512i i[4];
    repeat<4>([&](auto k) __attribute__((always_inline)) {
      constexpr int kWanted = group * kTogether + k / Vectors, kRow = kWanted < Rows ? kWanted : Rows - 1;
      const __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[kRow][k % Vectors]), multiplier[k % Vectors]);
      i[k] = _mm512_cvtps_epi32(BelowOne ? y : _mm512_min_ps(hi, y));
    });
    const __m512i low = _mm512_packs_epi32(i[0], i[1]), high = _mm512_packs_epi32(i[2], i[3]);
    __m512i bytes = is_signed ? _mm512_max_epi8(_mm512_packs_epi16(low, high), lo)
                              : _mm512_max_epu8(_mm512_packus_epi16(low, high), lo);
    if (BelowOne) bytes = is_signed ? _mm512_min_epi8(bytes, most) : _mm512_min_epu8(bytes, most);
    bytes = _mm512_permutexvar_epi32(order, bytes);  // packing works within lanes
    std::uint8_t* to = out + group * kTogether * args.out_stride;
    if constexpr (Vectors == 4) {
      _mm512_mask_storeu_epi8(to, left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1, bytes);
    } else if constexpr (Vectors == 2) {
      const __mmask32 mask = left >= 32 ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
      _mm256_mask_storeu_epi8(to, mask, _mm512_castsi512_si256(bytes));
      if constexpr (group * 2 + 1 < Rows)
        _mm256_mask_storeu_epi8(to + args.out_stride, mask, _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      const __mmask16 mask = first_columns(left);
      _mm_mask_storeu_epi8(to, mask, _mm512_castsi512_si128(bytes));
      if constexpr (group * 4 + 1 < Rows)
        _mm_mask_storeu_epi8(to + args.out_stride, mask, _mm512_extracti32x4_epi32(bytes, 1));
      if constexpr (group * 4 + 2 < Rows)
        _mm_mask_storeu_epi8(to + 2 * args.out_stride, mask, _mm512_extracti32x4_epi32(bytes, 2));
      if constexpr (group * 4 + 3 < Rows)
        _mm_mask_storeu_epi8(to + 3 * args.out_stride, mask, _mm512_extracti32x4_epi32(bytes, 3));
    }
  });
}

// All rows of a tile. The kernel says ClearUpper.
template <int Rows, int Vectors>
[[gnu::always_inline]] inline void store_tile(const QGemmArgs& args, std::int64_t m, std::int64_t n,
                                              const __m512i (&acc)[Rows][Vectors]) {
  const Epilogue& e = args.epilogue;
  if (!e.to_float && (e.lo >= 0 || e.hi <= 127)) {
    return args.weights.multipliers_below_one ? store_bytes<true>(args, m, n, e.lo < 0, acc)
                                              : store_bytes<false>(args, m, n, e.lo < 0, acc);
  }
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    repeat<Vectors>([&](auto v) __attribute__((always_inline)) { store(args, m + r, n + v * 16, acc[r][v]); });
  });
}

}  // namespace
}  // namespace bitsieve::qgemm
