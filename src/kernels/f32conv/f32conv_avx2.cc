#include <immintrin.h>

#include "kernels/f32conv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::f32conv {
namespace {

constexpr int kLanes = 8, kVectors = 2, kRows = 6;
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline Vector fused(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }

#include "kernels/f32conv/loops.inc"

}  // namespace

const F32ConvKernel avx2{"f32conv_avx2", Isa::avx2, run, run_depthwise};

}  // namespace bitsieve::f32conv
