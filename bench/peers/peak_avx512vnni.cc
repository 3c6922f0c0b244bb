#include <immintrin.h>

#include <chrono>

#include "base/cpu.h"
#include "peers/peak.h"

namespace bitsieve::bench {
namespace {

constexpr int kSums = 16;  // independent, to hide the latency of the instruction

long long spin(long long rounds) {
  __m512i sum[kSums], a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
  for (auto& s : sum) s = _mm512_setzero_si512();
  for (long long i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < kSums; ++s) sum[s] = _mm512_dpbusd_epi32(sum[s], a, b);
    // The compiler must not see that all sums are alike.
#pragma GCC unroll 16
    for (int s = 0; s < kSums; ++s) asm("" : "+v"(sum[s]));
  }
  long long total = 0;
  for (auto& s : sum) total += _mm512_reduce_add_epi32(s);
  return total;
}

}  // namespace

double peak_int8_ops() {
  if (!isa_supported(Isa::avx512vnni)) return 0;
  constexpr long long rounds = 200000;
  volatile long long sink = spin(rounds);  // to reach the clock that heavy vectors run at
  const auto before = std::chrono::steady_clock::now();
  sink = spin(rounds);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  (void)sink;
  return 2.0 * 64 * kSums * static_cast<double>(rounds) / seconds;
}

}  // namespace bitsieve::bench
