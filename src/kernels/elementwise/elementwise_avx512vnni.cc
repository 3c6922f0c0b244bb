#include <immintrin.h>

#include "kernels/elementwise/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::elementwise {
namespace {

#include "kernels/elementwise/loops.inc"

// 64 sums at a time: x and y side by side as pairs of words, multiplied by a and b and added by one vpdpwssd. Signed
// values are read as u8 after xor 0x80, that is 128 too large, which the sums begin without. Unpacking and packing both
// work within lanes, so bytes come back in order. Small: products fit int32, saturate on their way to bytes and are
// bounded there; else upper bounds are taken in float, and what is too low becomes the lowest int32.
template <bool Small, bool SignedOut>
void add_64(Bytes8 x, Bytes8 y, std::int32_t a, std::int32_t b, Rescale r, std::uint8_t* out, std::int64_t n) {
  const __m512i factors = _mm512_set1_epi32(
      static_cast<int>((static_cast<std::uint32_t>(b) << 16) | (static_cast<std::uint32_t>(a) & 0xFFFFu)));
  const __m512i flip_x = _mm512_set1_epi8(x.is_signed ? -128 : 0), flip_y = _mm512_set1_epi8(y.is_signed ? -128 : 0);
  const __m512i start = _mm512_set1_epi32(-128 * ((x.is_signed ? a : 0) + (y.is_signed ? b : 0)));
  const __m512 multiplier = _mm512_set1_ps(r.multiplier), most = _mm512_set1_ps(static_cast<float>(r.hi));
  const __m512i zero = _mm512_setzero_si512(), lo = _mm512_set1_epi8(static_cast<char>(r.lo)),
                hi = _mm512_set1_epi8(static_cast<char>(r.hi));
  const auto rescaled = [&](__m512i pairs) __attribute__((always_inline)) {
    const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_dpwssd_epi32(start, pairs, factors)), multiplier);
    return _mm512_cvtps_epi32(Small ? product : _mm512_min_ps(most, product));
  };
  const auto words = [&](__m512i bytes) __attribute__((always_inline)) {
    return _mm512_packs_epi32(rescaled(_mm512_unpacklo_epi8(bytes, zero)), rescaled(_mm512_unpackhi_epi8(bytes, zero)));
  };
  const auto sums = [&](__m512i left, __m512i right) __attribute__((always_inline)) {
    left = _mm512_xor_si512(left, flip_x);
    right = _mm512_xor_si512(right, flip_y);
    const __m512i low = words(_mm512_unpacklo_epi8(left, right)), high = words(_mm512_unpackhi_epi8(left, right));
    return SignedOut ? _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(low, high), lo), hi)
                     : _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(low, high), lo), hi);
  };
  std::int64_t i = 0;
  for (; i + 64 <= n; i += 64)
    _mm512_storeu_si512(out + i, sums(_mm512_loadu_si512(x.data + i), _mm512_loadu_si512(y.data + i)));
  if (i == n) return;
  const __mmask64 rest = (__mmask64{1} << (n - i)) - 1;
  _mm512_mask_storeu_epi8(out + i, rest,
                          sums(_mm512_maskz_loadu_epi8(rest, x.data + i), _mm512_maskz_loadu_epi8(rest, y.data + i)));
}

void add_avx512(Bytes8 x, Bytes8 y, std::int32_t a, std::int32_t b, Rescale r, std::uint8_t* out, std::int64_t n) {
  if (r.lo < 0 && r.hi > 127) return add(x, y, a, b, r, out, n);
  const bool small = -64 < r.multiplier && r.multiplier < 64;  // sums are at most 2^24
  if (r.lo < 0) return small ? add_64<true, true>(x, y, a, b, r, out, n) : add_64<false, true>(x, y, a, b, r, out, n);
  small ? add_64<true, false>(x, y, a, b, r, out, n) : add_64<false, false>(x, y, a, b, r, out, n);
}

// The sum of the values and 0 times themselves.
void requantize_avx512(Bytes8 x, Rescale r, std::uint8_t* out, std::int64_t n) {
  r.lo<0 && r.hi> 127 ? requantize(x, r, out, n) : add_avx512(x, x, 1, 0, r, out, n);
}

}  // namespace

const ElementwiseKernel avx512vnni{
    "elementwise_avx512vnni", Isa::avx512vnni, add_avx512, mul, requantize_avx512, lut, quantize, dequantize};

}  // namespace bitsieve::elementwise
