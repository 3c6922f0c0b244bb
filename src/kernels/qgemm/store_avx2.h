// What the AVX2 kernels do with finished sums of 16 columns. For files that are compiled for AVX2: everything is in an
// anonymous namespace.
#pragma once
#include <immintrin.h>

#include "kernels/clear_upper_avx2.h"
#include "kernels/qgemm/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

// Any epilogue: one output row of 16 columns; `count` of them are stored. It takes vectors, so kernels say ClearUpper.
void store(const QGemmArgs& args, std::int64_t m, std::int64_t n, int count, __m256i acc0, __m256i acc1) {
  const Epilogue& e = args.epilogue;
  const float* multiplier = args.weights.multiplier + n;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m256 lo = _mm256_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m256 hi = _mm256_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m256 y0 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc0), _mm256_loadu_ps(multiplier));
  __m256 y1 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc1), _mm256_loadu_ps(multiplier + 8));
  y0 = _mm256_min_ps(hi, _mm256_max_ps(lo, y0));
  y1 = _mm256_min_ps(hi, _mm256_max_ps(lo, y1));
  if (e.to_float) {
    float* out = static_cast<float*>(args.out) + m * args.out_stride + n;
    float spare[16];
    float* to = count == 16 ? out : spare;
    _mm256_storeu_ps(to, y0);
    _mm256_storeu_ps(to + 8, y1);
    if (count != 16) __builtin_memcpy(out, spare, static_cast<unsigned>(count) * sizeof(float));
    return;
  }
  const __m256i low_byte = _mm256_set1_epi32(255);
  const __m256i i0 = _mm256_and_si256(_mm256_cvtps_epi32(y0), low_byte);
  const __m256i i1 = _mm256_and_si256(_mm256_cvtps_epi32(y1), low_byte);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(i0, i1), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  if (count == 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
  } else {
    std::uint8_t spare[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(spare), bytes);
    __builtin_memcpy(out, spare, static_cast<unsigned>(count));
  }
}

__m256i to_bytes(__m256i low, __m256i high, bool is_signed, __m256i lo, __m256i hi) {
  return is_signed ? _mm256_min_epi8(_mm256_max_epi8(_mm256_packs_epi16(low, high), lo), hi)
                   : _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(low, high), lo), hi);
}

// The bytes of two output rows of 16 columns. Multipliers are below 1, so products are rounded to int32 as they are,
// saturate on their way to bytes and are bounded there, all at once.
template <int Rows>
[[gnu::always_inline]] inline void store_bytes(const QGemmArgs& args, std::int64_t m, std::int64_t n, bool is_signed,
                                               const __m256i (&acc)[Rows][2]) {
  const float* multiplier = args.weights.multiplier + n;
  const __m256 first = _mm256_loadu_ps(multiplier), second = _mm256_loadu_ps(multiplier + 8);
  const __m256i lo = _mm256_set1_epi8(static_cast<char>(args.epilogue.lo)),
                hi = _mm256_set1_epi8(static_cast<char>(args.epilogue.hi));
  const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  repeat<(Rows + 1) / 2>([&](auto pair) __attribute__((always_inline)) {
    constexpr int top = pair * 2, bottom = top + 1 < Rows ? top + 1 : top;
    const auto rounded = [&](__m256i x, __m256 by) __attribute__((always_inline)) {
      return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(x), by));
    };
    const __m256i low = _mm256_packs_epi32(rounded(acc[top][0], first), rounded(acc[top][1], second)),
                  high = _mm256_packs_epi32(rounded(acc[bottom][0], first), rounded(acc[bottom][1], second));
    __m256i bytes = to_bytes(low, high, is_signed, lo, hi);
    bytes = _mm256_permutevar8x32_epi32(bytes, order);  // packing works within lanes
    std::uint8_t* to = out + top * args.out_stride;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(bytes));
    if constexpr (top + 1 < Rows)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + args.out_stride), _mm256_extracti128_si256(bytes, 1));
  });
}

// As store_bytes, of 8 columns: four rows make a vector.
template <int Rows, int Halves>
[[gnu::always_inline]] inline void store_half_bytes(const QGemmArgs& args, std::int64_t m, std::int64_t n,
                                                    bool is_signed, const __m256i (&acc)[Rows][Halves]) {
  const __m256 multiplier = _mm256_loadu_ps(args.weights.multiplier + n);
  const __m256i lo = _mm256_set1_epi8(static_cast<char>(args.epilogue.lo)),
                hi = _mm256_set1_epi8(static_cast<char>(args.epilogue.hi));
  const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  repeat<(Rows + 3) / 4>([&](auto four) __attribute__((always_inline)) {
    __m256i rounded[4];
    repeat<4>([&](auto r) __attribute__((always_inline)) {
      constexpr int row = four * 4 + r < Rows ? four * 4 + r : Rows - 1;
      rounded[r] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[row][0]), multiplier));
    });
    const __m256i low = _mm256_packs_epi32(rounded[0], rounded[1]), high = _mm256_packs_epi32(rounded[2], rounded[3]);
    __m256i bytes = to_bytes(low, high, is_signed, lo, hi);
    bytes = _mm256_permutevar8x32_epi32(bytes, order);  // packing works within lanes
    const __m128i first = _mm256_castsi256_si128(bytes), second = _mm256_extracti128_si256(bytes, 1);
    std::uint8_t* to = out + four * 4 * args.out_stride;
    repeat<4>([&](auto r) __attribute__((always_inline)) {
      if constexpr (four * 4 + r < Rows) {
        const __m128i both = r < 2 ? first : second;
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to + r * args.out_stride),
                         r % 2 == 0 ? both : _mm_unpackhi_epi64(both, both));
      }
    });
  });
}

// Whether store_bytes may be used.
bool bytes_are_safe(const QGemmArgs& args) {
  const Epilogue& e = args.epilogue;
  return !e.to_float && (e.lo >= 0 || e.hi <= 127) && args.weights.multipliers_below_one;
}

// Up to 8 columns of all rows of a tile.
template <int Rows>
[[gnu::always_inline]] inline void store_half_tile(const QGemmArgs& args, std::int64_t m, std::int64_t n,
                                                   const __m256i (&acc)[Rows][1]) {
  const int count = args.weights.n - n < 8 ? static_cast<int>(args.weights.n - n) : 8;
  if (count == 8 && bytes_are_safe(args)) return store_half_bytes(args, m, n, args.epilogue.lo < 0, acc);
  const __m256i none = _mm256_setzero_si256();
  repeat<Rows>([&](auto r) __attribute__((always_inline)) { store(args, m + r, n, count, acc[r][0], none); });
}

// Up to 16 columns of all rows of a tile.
template <int Rows>
[[gnu::always_inline]] inline void store_tile(const QGemmArgs& args, std::int64_t m, std::int64_t n,
                                              const __m256i (&acc)[Rows][2]) {
  const int count = args.weights.n - n < 16 ? static_cast<int>(args.weights.n - n) : 16;
  if ((count == 16 || count == 8) && bytes_are_safe(args)) {
    const bool is_signed = args.epilogue.lo < 0;
    return count == 16 ? store_bytes(args, m, n, is_signed, acc) : store_half_bytes(args, m, n, is_signed, acc);
  }
  repeat<Rows>([&](auto r) __attribute__((always_inline)) { store(args, m + r, n, count, acc[r][0], acc[r][1]); });
}

}  // namespace
}  // namespace bitsieve::qgemm
