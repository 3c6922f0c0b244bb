// Products of 16-bit numbers, for files that are compiled for AVX2: everything is in an anonymous namespace.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

constexpr int product_rows = 6;  // 12 accumulators, two lines of weights, a broadcast: 15 of 16 registers

// Sixteen weights of a pair of a row's values: 8 columns, two each.
[[maybe_unused]] __m256i widened(const std::uint8_t* bytes) {
  return _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// acc[row][16 columns] += the products of `pairs` pairs of values. a: rows, `width` values apart. weight: for each pair
// 16 columns of two, as bytes or widened to 16 bits, aligned.
template <int Rows, bool Bytes>
[[gnu::always_inline]] inline void add_products(const std::int16_t* a, std::int64_t width, const std::uint8_t* weight,
                                                std::int64_t pairs, __m256i (&acc)[Rows][2]) {
  for (std::int64_t p = 0; p < pairs; ++p, weight += Bytes ? 32 : 64) {
    const __m256i b0 = Bytes ? widened(weight) : _mm256_load_si256(reinterpret_cast<const __m256i*>(weight)),
                  b1 = Bytes ? widened(weight + 16) : _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 32));
    repeat<Rows>([&](auto r) __attribute__((always_inline)) {
      int pair;
      __builtin_memcpy(&pair, a + r * width + p * 2, 4);
      const __m256i x = _mm256_set1_epi32(pair);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(x, b0));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(x, b1));
    });
  }
}

}  // namespace
}  // namespace bitsieve::qgemm
