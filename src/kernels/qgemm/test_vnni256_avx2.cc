// For the tests: qgemm_avxvnni with its one instruction made of AVX2's, because few machines have it and no emulator
// does. Not in the table of kernels, where qgemm_avx2 is faster.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/qgemm/store_avx2.h"
#include "kernels/qgemm/test_kernels.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

// Even and odd bytes apart, widened: no sum of two products comes near the end of 32 bits.
__m256i dot4(__m256i sum, __m256i x, __m256i w) {
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(255)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8)),
                odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(w, 8));
  return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}

#include "kernels/qgemm/vnni256.inc"

}  // namespace

const QGemmKernel vnni256_by_avx2{"qgemm_vnni256_by_avx2", Isa::avx2, pack_vnni4, run};

}  // namespace bitsieve::qgemm
