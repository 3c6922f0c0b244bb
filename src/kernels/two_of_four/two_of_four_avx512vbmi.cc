// AVX-512 VBMI: four groups fill a vector, and vpermb picks from all of it. A pick takes two groups, so eight inputs
// and 16 output channels take a pick and a multiply-add, where the dense product takes two multiply-adds.
#include <immintrin.h>

#include "kernels/qgemm/store_avx512.h"
#include "kernels/two_of_four/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::two_of_four {
namespace {

constexpr std::int64_t kGroups = 4;
constexpr int kPicks = 2;

[[gnu::always_inline]] inline __m512i expanded(const std::uint8_t* from, std::int64_t groups) {
  if (groups == kGroups) return _mm512_loadu_si512(from);
  return _mm512_maskz_loadu_epi8((__mmask64{1} << (groups * bytes_of_four)) - 1, from);
}

[[gnu::always_inline]] inline __m512i pick(__m512i expanded, __m512i places) {
  return _mm512_permutexvar_epi8(places, expanded);
}

#include "kernels/two_of_four/picks_avx512.inc"

}  // namespace

void run_avx512vbmi(const QGemmArgs& args) { run(args); }

}  // namespace bitsieve::two_of_four
