#include <immintrin.h>

#include <algorithm>
#include <chrono>

#include "base/cpu.h"
#include "peers/peak.h"

namespace bitsieve::bench {
namespace {

constexpr int kSums = 16;  // independent, to hide the latency of the instruction

long long spin(long long rounds) {
  __m512i sum[kSums], a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
#pragma GCC unroll 16
  for (int s = 0; s < kSums; ++s) sum[s] = _mm512_setzero_si512();
  for (long long i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < kSums; ++s) {
      // Written out, so that the compiler neither drops nor shares what looks alike.
      asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum[s]) : "v"(a), "v"(b));
    }
  }
  __m512i total = _mm512_setzero_si512();
#pragma GCC unroll 16
  for (int s = 0; s < kSums; ++s) total = _mm512_add_epi32(total, sum[s]);
  return _mm512_reduce_add_epi32(total);
}

}  // namespace

double peak_int8_ops() {
  if (!isa_supported(Isa::avx512vnni)) return 0;
  constexpr long long rounds = 100000;
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {  // the first ones bring the clock to where heavy vectors run
    const auto before = std::chrono::steady_clock::now();
    volatile long long sink = spin(rounds);
    (void)sink;
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count());
  }
  return 2.0 * 64 * kSums * static_cast<double>(rounds) / best;
}

}  // namespace bitsieve::bench
