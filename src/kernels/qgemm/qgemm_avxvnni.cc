// AVX-VNNI: vpdpbusd on 256 bits, which processors without AVX-512 have (Alder Lake and later).
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/qgemm/store_avx2.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

__m256i dot4(__m256i sum, __m256i x, __m256i w) { return _mm256_dpbusd_avx_epi32(sum, x, w); }

#include "kernels/qgemm/vnni256.inc"

}  // namespace

void run_avxvnni(const QGemmArgs& args) { run(args); }

}  // namespace bitsieve::qgemm
