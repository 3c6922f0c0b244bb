// Products of 16-bit numbers, for files that are compiled for AVX2: everything is in an anonymous namespace.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

constexpr int product_rows = 6;  // 12 accumulators, two lines of weights, a broadcast: 15 of 16 registers

// acc[row][16 columns] += the products of `pairs` pairs of values. a: rows, `width` values apart. weight: for each pair
// 16 columns of two values, aligned.
template <int Rows>
[[gnu::always_inline]] inline void add_products(const std::int16_t* a, std::int64_t width, const std::int16_t* weight,
                                                std::int64_t pairs, __m256i (&acc)[Rows][2]) {
  for (std::int64_t p = 0; p < pairs; ++p, weight += 32) {
    const __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight)),
                  b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 16));
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
