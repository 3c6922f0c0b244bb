// AVX-512 VNNI: blocks of 64 channels; four taps are interleaved byte by byte and meet their weights in vpdpbusd.
#include <immintrin.h>

#include "kernels/qdepthwise/internal.h"

namespace bitsieve::qdepthwise {
namespace {

// acc[q] holds channels 16 * lane + 4 * q .. + 3 (see pack_quads).
void store(const QDepthwiseArgs& args, std::int64_t m, std::int64_t c, std::int64_t count, const __m512i* acc) {
  const Epilogue& e = args.epilogue;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m512 lo = _mm512_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m512 hi = _mm512_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m512 y[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) {
    y[q] = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[q]), _mm512_loadu_ps(args.weights.multiplier + c + q * 16));
    y[q] = _mm512_min_ps(hi, _mm512_max_ps(lo, y[q]));
  }
  if (e.to_float) {
    float spare[64];
    for (int q = 0; q < 4; ++q) {
      _mm_storeu_ps(spare + q * 4, _mm512_extractf32x4_ps(y[q], 0));
      _mm_storeu_ps(spare + q * 4 + 16, _mm512_extractf32x4_ps(y[q], 1));
      _mm_storeu_ps(spare + q * 4 + 32, _mm512_extractf32x4_ps(y[q], 2));
      _mm_storeu_ps(spare + q * 4 + 48, _mm512_extractf32x4_ps(y[q], 3));
    }
    __builtin_memcpy(static_cast<float*>(args.out) + m * args.out_stride + c, spare,
                     static_cast<unsigned>(count) * sizeof(float));
    return;
  }
  // Packing within lanes undoes the order that unpacking within lanes made.
  const __m512i low_byte = _mm512_set1_epi32(255);
  __m512i i[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) i[q] = _mm512_and_si512(_mm512_cvtps_epi32(y[q]), low_byte);
  const __m512i bytes = _mm512_packus_epi16(_mm512_packus_epi32(i[0], i[1]), _mm512_packus_epi32(i[2], i[3]));
  const __mmask64 mask = count == 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
  _mm512_mask_storeu_epi8(static_cast<std::uint8_t*>(args.out) + m * args.out_stride + c, mask, bytes);
}

// How the bytes of a tap are made (QDepthwiseArgs::paired). kept: paired, and a value beside a zero stays as it is.
enum class Form { plain, paired, kept };

// Four taps of 64 channels, of which `left` exist; the others weigh zero.
template <Form form>
void load_taps(const QDepthwiseArgs& args, const std::uint8_t* const* rows, std::int64_t left, std::int64_t c, __mmask64 mask,
               __m512i* x) {
  __m512i raw[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) raw[i] = i < left ? _mm512_maskz_loadu_epi8(mask, rows[i] + c) : _mm512_setzero_si512();
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    x[i] = raw[i];
    if (form == Form::plain || i >= left) continue;
    const __mmask64 others = _mm512_test_epi8_mask(raw[i ^ 1], raw[i ^ 1]);
    if (form == Form::paired) x[i] = _mm512_maskz_loadu_epi8(mask, rows[i] + c + args.lone_offset);
    x[i] = _mm512_mask_loadu_epi8(x[i], others, rows[i] + c + args.pair_offset);
  }
}

// Form and Signed are template arguments because every instruction of the inner loop counts.
template <Form form, bool Signed>
void run(const QDepthwiseArgs& args) {
  const QDepthwiseView& w = args.weights;
  const std::int64_t groups = (w.taps + 3) / 4;
  const __m512i flip = _mm512_set1_epi8(-128);
  const std::int32_t* bias = Signed ? w.bias_signed : w.bias;
  for (std::int64_t m = 0; m < args.m; ++m) {
    const std::uint8_t* const* rows = args.rows + m * w.taps;
    for (std::int64_t c = 0; c < w.channels; c += 64) {
      const std::int64_t count = w.channels - c < 64 ? w.channels - c : 64;
      const __mmask64 mask = count == 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
      const std::uint8_t* line = w.data + c / 64 * groups * 256;
      __m512i acc[4];
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) acc[q] = _mm512_loadu_si512(bias + c + q * 16);
      for (std::int64_t t = 0; t < w.taps; t += 4, line += 256) {
        __m512i x[4];
        // A constant count where all four taps exist removes the tests.
        const std::int64_t left = w.taps - t;
        left >= 4 ? load_taps<form>(args, rows + t, 4, c, mask, x) : load_taps<form>(args, rows + t, left, c, mask, x);
        if (Signed) {
#pragma GCC unroll 4
          for (int i = 0; i < 4; ++i) x[i] = _mm512_xor_si512(x[i], flip);
        }
        const __m512i lo01 = _mm512_unpacklo_epi8(x[0], x[1]), hi01 = _mm512_unpackhi_epi8(x[0], x[1]);
        const __m512i lo23 = _mm512_unpacklo_epi8(x[2], x[3]), hi23 = _mm512_unpackhi_epi8(x[2], x[3]);
        acc[0] = _mm512_dpbusd_epi32(acc[0], _mm512_unpacklo_epi16(lo01, lo23), _mm512_load_si512(line));
        acc[1] = _mm512_dpbusd_epi32(acc[1], _mm512_unpackhi_epi16(lo01, lo23), _mm512_load_si512(line + 64));
        acc[2] = _mm512_dpbusd_epi32(acc[2], _mm512_unpacklo_epi16(hi01, hi23), _mm512_load_si512(line + 128));
        acc[3] = _mm512_dpbusd_epi32(acc[3], _mm512_unpackhi_epi16(hi01, hi23), _mm512_load_si512(line + 192));
      }
      store(args, m, c, count, acc);
    }
  }
}

}  // namespace

void run_avx512vnni(const QDepthwiseArgs& args) {
  const Form form = !args.paired ? Form::plain : args.lone_offset == 0 ? Form::kept : Form::paired;
  switch (form) {
    case Form::plain:
      return args.signed_input ? run<Form::plain, true>(args) : run<Form::plain, false>(args);
    case Form::paired:
      return args.signed_input ? run<Form::paired, true>(args) : run<Form::paired, false>(args);
    case Form::kept:
      return args.signed_input ? run<Form::kept, true>(args) : run<Form::kept, false>(args);
  }
}

}  // namespace bitsieve::qdepthwise
