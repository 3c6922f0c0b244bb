#include <immintrin.h>

#include "kernels/f32conv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::f32conv {
namespace {

constexpr int kLanes = 16, kVectors = 4, kRows = 6;
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline Vector fused(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }

#include "kernels/f32conv/loops.inc"

}  // namespace

const F32ConvKernel avx512vnni{"f32conv_avx512vnni", Isa::avx512vnni, run, run_depthwise};

}  // namespace bitsieve::f32conv
