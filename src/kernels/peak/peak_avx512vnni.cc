#include <immintrin.h>

#include "kernels/peak/internal.h"

namespace bitsieve::peak {
namespace {

constexpr int sums = 16;  // independent, to hide the latency of the instruction

long long spin(long long rounds) {
  __m512i sum[sums], a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
#pragma GCC unroll 16
  for (int s = 0; s < sums; ++s) sum[s] = _mm512_setzero_si512();
  for (long long i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < sums; ++s) {
      // Written out, so that the compiler neither drops nor shares what looks alike.
      asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum[s]) : "v"(a), "v"(b));
    }
  }
  __m512i total = _mm512_setzero_si512();
#pragma GCC unroll 16
  for (int s = 0; s < sums; ++s) total = _mm512_add_epi32(total, sum[s]);
  return _mm512_reduce_add_epi32(total);
}

}  // namespace

long long spin_avx512vnni(long long rounds) { return spin(rounds); }

}  // namespace bitsieve::peak
