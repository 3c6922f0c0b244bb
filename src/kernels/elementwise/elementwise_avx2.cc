#include <immintrin.h>

#include "kernels/elementwise/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::elementwise {
namespace {

#include "kernels/elementwise/loops.inc"

__m256i widened(const std::uint8_t* from, bool is_signed) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

// 32 sums at a time: x and y side by side, multiplied by a and b and added by one pmaddwd. Unpacking and packing both
// work within lanes, so 16 sums come back in order. What is too low for int32 becomes the lowest int32, saturates on
// its way to bytes and is raised to the lower bound there.
template <bool SignedX, bool SignedY, bool SignedOut>
void add_32(Bytes8 x, Bytes8 y, std::int32_t a, std::int32_t b, Rescale r, std::uint8_t* out, std::int64_t n) {
  const __m256i factors = _mm256_set1_epi32(
      static_cast<int>((static_cast<std::uint32_t>(b) << 16) | (static_cast<std::uint32_t>(a) & 0xFFFFu)));
  const __m256 multiplier = _mm256_set1_ps(r.multiplier), hi = _mm256_set1_ps(static_cast<float>(r.hi));
  const __m256i lo = _mm256_set1_epi8(static_cast<char>(r.lo));
  const auto rescaled = [&](__m256i pairs) __attribute__((always_inline)) {
    const __m256 sum = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, factors));
    return _mm256_cvtps_epi32(_mm256_min_ps(hi, _mm256_mul_ps(sum, multiplier)));
  };
  const auto sixteen = [&](std::int64_t i) __attribute__((always_inline)) {
    const __m256i left = widened(x.data + i, SignedX), right = widened(y.data + i, SignedY);
    return _mm256_packs_epi32(rescaled(_mm256_unpacklo_epi16(left, right)),
                              rescaled(_mm256_unpackhi_epi16(left, right)));
  };
  for (std::int64_t i = 0; i < n; i += 32) {
    const __m256i first = sixteen(i), second = sixteen(i + 16);
    const __m256i bytes = SignedOut ? _mm256_max_epi8(_mm256_packs_epi16(first, second), lo)
                                    : _mm256_max_epu8(_mm256_packus_epi16(first, second), lo);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_permute4x64_epi64(bytes, 0xD8));
  }
}

template <bool SignedOut>
void add_32_of(Bytes8 x, Bytes8 y, std::int32_t a, std::int32_t b, Rescale r, std::uint8_t* out, std::int64_t n) {
  if (x.is_signed && y.is_signed) return add_32<true, true, SignedOut>(x, y, a, b, r, out, n);
  if (x.is_signed) return add_32<true, false, SignedOut>(x, y, a, b, r, out, n);
  if (y.is_signed) return add_32<false, true, SignedOut>(x, y, a, b, r, out, n);
  add_32<false, false, SignedOut>(x, y, a, b, r, out, n);
}

void add_avx2(Bytes8 x, Bytes8 y, std::int32_t a, std::int32_t b, Rescale r, std::uint8_t* out, std::int64_t n) {
  const std::int64_t whole = r.lo >= 0 || r.hi <= 127 ? n / 32 * 32 : 0;
  r.lo >= 0 ? add_32_of<false>(x, y, a, b, r, out, whole) : add_32_of<true>(x, y, a, b, r, out, whole);
  add({x.data + whole, x.is_signed}, {y.data + whole, y.is_signed}, a, b, r, out + whole, n - whole);
}

// The sum of the values and 0 times themselves.
void requantize_avx2(Bytes8 x, Rescale r, std::uint8_t* out, std::int64_t n) {
  const std::int64_t whole = r.lo >= 0 || r.hi <= 127 ? n / 32 * 32 : 0;
  r.lo >= 0 ? add_32_of<false>(x, x, 1, 0, r, out, whole) : add_32_of<true>(x, x, 1, 0, r, out, whole);
  requantize({x.data + whole, x.is_signed}, r, out + whole, n - whole);
}

}  // namespace

const ElementwiseKernel avx2{"elementwise_avx2", Isa::avx2, add_avx2, mul, requantize_avx2, lut, quantize, dequantize};

}  // namespace bitsieve::elementwise
