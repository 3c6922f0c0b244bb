#include <immintrin.h>

#include "kernels/peak/internal.h"

namespace bitsieve::peak {
namespace {

constexpr int sums = 12;  // independent, to hide the latency of the instruction

long long spin(long long rounds) {
  __m256i sum[sums], a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2);
#pragma GCC unroll 12
  for (int s = 0; s < sums; ++s) sum[s] = _mm256_setzero_si256();
  for (long long i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int s = 0; s < sums; ++s) {
      // Written out, so that the compiler neither drops nor shares what looks alike.
      asm volatile("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum[s]) : "x"(a), "x"(b));
    }
  }
  __m256i total = _mm256_setzero_si256();
#pragma GCC unroll 12
  for (int s = 0; s < sums; ++s) total = _mm256_add_epi32(total, sum[s]);
  return _mm256_extract_epi32(total, 0);
}

}  // namespace

long long spin_avxvnni(long long rounds) { return spin(rounds); }

}  // namespace bitsieve::peak
