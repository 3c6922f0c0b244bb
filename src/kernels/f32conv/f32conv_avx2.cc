#include <immintrin.h>

#include "kernels/f32conv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::f32conv {
namespace {

constexpr int kLanes = 8, kVectors = 2;
// 16 registers hold twelve sums and what they take.
constexpr int rows_of(int vectors) { return 12 / vectors; }
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline Vector fused(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }

[[gnu::always_inline]] inline __m256i first(std::int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
[[gnu::always_inline]] inline Vector load_first(std::int64_t count, const float* from) {
  return _mm256_maskload_ps(from, first(count));
}
[[gnu::always_inline]] inline void store_first(std::int64_t count, float* to, Vector x) {
  _mm256_maskstore_ps(to, first(count), x);
}

#include "kernels/f32conv/loops.inc"

}  // namespace

const F32ConvKernel avx2{"f32conv_avx2", Isa::avx2, run, run_depthwise};

}  // namespace bitsieve::f32conv
