#include "kernels/f32conv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::f32conv {
namespace {

constexpr int kLanes = 4, kVectors = 2;
constexpr int rows_of(int) { return 4; }
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

#if defined(__FP_FAST_FMAF)
[[gnu::always_inline]] inline Vector fused(Vector a, Vector b, Vector c) {
  for (int i = 0; i < kLanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
}
#else
typedef double Wide __attribute__((vector_size(kLanes * sizeof(double))));
typedef long long Bits __attribute__((vector_size(kLanes * sizeof(double))));

// By doubles, which hold the product of two floats. Their sum is rounded to odd (where it is not exact, the neighbour
// whose last bit is set): rounding that to float is rounding the sum itself (Boldo and Melquiond, "Emulation of FMA and
// correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008).
[[gnu::always_inline]] inline Vector fused(Vector a, Vector b, Vector c) {
  const Wide product = __builtin_convertvector(a, Wide) * __builtin_convertvector(b, Wide),
             added = __builtin_convertvector(c, Wide), sum = product + added;
  const Wide part = sum - product, error = (product - (sum - part)) + (added - part);     // Knuth's exact error
  const Bits bits = (Bits)sum, rounded = ((error > 0) | (error < 0)) & ((bits & 1) - 1),  // and even; no NaN is
      away = (error > 0) == (sum > 0);                                                    // from zero
  const Bits odd = bits + (rounded & ((away & 2) - 1));
  return __builtin_convertvector((Wide)odd, Vector);
}
#endif

[[gnu::always_inline]] inline Vector load_first(std::int64_t count, const float* from) {
  Vector x = {};
  for (int i = 0; i < count; ++i) x[i] = from[i];
  return x;
}
[[gnu::always_inline]] inline void store_first(std::int64_t count, float* to, Vector x) {
  for (int i = 0; i < count; ++i) to[i] = x[i];
}

#include "kernels/f32conv/loops.inc"

}  // namespace

const F32ConvKernel portable{"f32conv_portable", Isa::portable, run, run_depthwise};

}  // namespace bitsieve::f32conv
