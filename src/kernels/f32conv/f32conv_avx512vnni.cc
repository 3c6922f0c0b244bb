#include <immintrin.h>

#include "kernels/f32conv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::f32conv {
namespace {

constexpr int kLanes = 16, kVectors = 4;
// Two multiply-adds a cycle of four cycles each need eight sums at least; 32 registers hold 24 and what they take.
constexpr int rows_of(int vectors) { return vectors == 1 ? 12 : 24 / vectors; }
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline Vector fused(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }

[[gnu::always_inline]] inline __mmask16 first(std::int64_t count) {
  return static_cast<__mmask16>((1u << static_cast<unsigned>(count)) - 1);
}
[[gnu::always_inline]] inline Vector load_first(std::int64_t count, const float* from) {
  return _mm512_maskz_loadu_ps(first(count), from);
}
[[gnu::always_inline]] inline void store_first(std::int64_t count, float* to, Vector x) {
  _mm512_mask_storeu_ps(to, first(count), x);
}

#include "kernels/f32conv/loops.inc"

}  // namespace

const F32ConvKernel avx512vnni{"f32conv_avx512vnni", Isa::avx512vnni, run, run_depthwise};

}  // namespace bitsieve::f32conv
