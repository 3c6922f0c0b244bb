#include <immintrin.h>

#include "kernels/peak/internal.h"

namespace bitsieve::peak {
namespace {

constexpr int sums = 8;  // independent; each has a temporary besides

template <bool saturating>
long long spin(long long rounds) {
  __m256i sum[sums], next[sums], a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2), ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
  for (int s = 0; s < sums; ++s) sum[s] = _mm256_setzero_si256();
  for (long long i = 0; i < rounds; ++i) {
#pragma GCC unroll 8
    for (int s = 0; s < sums; ++s) {
      // Written out, so that the compiler neither drops nor shares what looks alike.
      if (saturating) {
        asm volatile("vpmaddubsw %2, %1, %0" : "=x"(next[s]) : "x"(a), "x"(b));
        asm volatile("vpmaddwd %1, %0, %0" : "+x"(next[s]) : "x"(ones));
      } else {
        asm volatile("vpmaddwd %2, %1, %0" : "=x"(next[s]) : "x"(a), "x"(b));
      }
      asm volatile("vpaddd %1, %0, %0" : "+x"(sum[s]) : "x"(next[s]));
    }
  }
  __m256i total = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int s = 0; s < sums; ++s) total = _mm256_add_epi32(total, sum[s]);
  return _mm256_extract_epi32(total, 0);
}

}  // namespace

long long spin_avx2_saturating(long long rounds) { return spin<true>(rounds); }
long long spin_avx2_widened(long long rounds) { return spin<false>(rounds); }

}  // namespace bitsieve::peak
