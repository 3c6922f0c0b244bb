// AVX-VNNI: as AVX2, with a multiply-add of 16 bits that adds to its sum: a group of four and 8 output channels take
// two operations on vectors, where the dense product takes one.
#include <immintrin.h>

#include "kernels/qgemm/store_avx2.h"
#include "kernels/two_of_four/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::two_of_four {
namespace {

[[gnu::always_inline]] inline __m256i dot2(__m256i sum, __m256i x, __m256i w) {
  return _mm256_dpwssd_avx_epi32(sum, x, w);
}

#include "kernels/two_of_four/pairs256.inc"

}  // namespace

void run_avxvnni(const QGemmArgs& args) { run(args); }

}  // namespace bitsieve::two_of_four
