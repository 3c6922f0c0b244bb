// AVX-512 VNNI: blocks of 64 channels; four taps are interleaved byte by byte and meet their weights in vpdpbusd.
// Filters of 3 x 3 that move by one or two columns keep columns interleaved for the pixels that see them next.
#include <immintrin.h>

#include "kernels/qdepthwise/internal.h"

namespace bitsieve::qdepthwise {
namespace {

// acc[q] holds channels 16 * lane + 4 * q .. + 3 (see pack_quads).
void store_floats(const QDepthwiseArgs& args, std::int64_t m, std::int64_t c, std::int64_t count, const __m512i* acc) {
  const Epilogue& e = args.epilogue;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m512 lo = _mm512_set1_ps(e.clamp_lo), hi = _mm512_set1_ps(e.clamp_hi);
  float spare[64];
  for (int q = 0; q < 4; ++q) {
    __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[q]), _mm512_loadu_ps(args.weights.multiplier + c + q * 16));
    y = _mm512_min_ps(hi, _mm512_max_ps(lo, y));
    _mm_storeu_ps(spare + q * 4, _mm512_extractf32x4_ps(y, 0));
    _mm_storeu_ps(spare + q * 4 + 16, _mm512_extractf32x4_ps(y, 1));
    _mm_storeu_ps(spare + q * 4 + 32, _mm512_extractf32x4_ps(y, 2));
    _mm_storeu_ps(spare + q * 4 + 48, _mm512_extractf32x4_ps(y, 3));
  }
  __builtin_memcpy(static_cast<float*>(args.out) + m * args.out_stride + c, spare,
                   static_cast<unsigned>(count) * sizeof(float));
}

// Bounds are those of s8 (lo < 0) or of u8. BelowOne: all multipliers are, so products are rounded to int32 as they
// are, saturate on their way to bytes and are bounded there. Else upper bounds are taken in float, where nothing
// overflows; what is too low for int32 becomes the lowest int32.
template <bool BelowOne>
[[gnu::always_inline]] inline __m512i to_bytes(const QDepthwiseArgs& args, std::int64_t c, const __m512i* acc) {
  const Epilogue& e = args.epilogue;
  const __m512 most = _mm512_set1_ps(static_cast<float>(e.hi));
  const __m512i lo = _mm512_set1_epi8(static_cast<char>(e.lo)), hi = _mm512_set1_epi8(static_cast<char>(e.hi));
  __m512i i[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) {
    const __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[q]), _mm512_loadu_ps(args.weights.multiplier + c + q * 16));
    i[q] = _mm512_cvtps_epi32(BelowOne ? y : _mm512_min_ps(most, y));
  }
  // Packing within lanes undoes the order that unpacking within lanes made.
  const __m512i low = _mm512_packs_epi32(i[0], i[1]), high = _mm512_packs_epi32(i[2], i[3]);
  if (e.lo < 0) return _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(low, high), lo), hi);
  return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(low, high), lo), hi);
}

// How the bytes of a tap are made (QDepthwiseArgs::paired). kept: paired, and a value beside a zero stays as it is.
enum class Form { plain, paired, kept };

// Four taps of 64 channels at `at`, of which `left` exist; the others weigh zero. Full: all 64 channels exist.
template <Form form, bool Full>
[[gnu::always_inline]] inline void load_taps(const QDepthwiseArgs& args, const std::uint8_t* const* taps,
                                             std::int64_t left, std::int64_t at, __mmask64 mask, __m512i* x) {
  const auto load = [mask](const std::uint8_t* from) {
    return Full ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(mask, from);
  };
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) x[i] = i < left ? load(taps[i] + at) : _mm512_setzero_si512();
  if (form == Form::plain) return;
#pragma GCC unroll 2
  for (int i = 0; i < 4; i += 2) {
    // One mask serves both values of a pair: where either is zero, a zero stays zero and the other is beside a zero.
    const __m512i smaller = _mm512_min_epu8(x[i], x[i + 1]);
    const __mmask64 both = _mm512_test_epi8_mask(smaller, smaller);
#pragma GCC unroll 2
    for (int k = i; k < i + 2; ++k) {
      if (k >= left) continue;
      if (form == Form::paired) x[k] = load(taps[k] + at + args.lone_offset);
      if (i + 1 < left) x[k] = _mm512_mask_loadu_epi8(x[k], both, taps[k] + at + args.pair_offset);
    }
  }
}

// Weights of three groups of taps, kept in registers: read from memory for each pixel they are half of all loads, which
// limit these loops. The compiler would read them again if it knew where they come from.
[[gnu::always_inline]] inline void keep_weights(const std::uint8_t* lines, __m512i* weights) {
#pragma GCC unroll 12
  for (int i = 0; i < 12; ++i) {
    weights[i] = _mm512_load_si512(lines + i * 64);
    asm("" : "+v"(weights[i]));
  }
}

// The same 64 channels, c .. c + 63 or less, of all pixels. kTaps: their number, 0 for any.
template <Form form, bool Signed, bool Full, int kTaps>
[[gnu::always_inline]] inline void column(const QDepthwiseArgs& args, std::int64_t c, std::int64_t count) {
  const QDepthwiseView& w = args.weights;
  const std::int64_t taps = kTaps != 0 ? kTaps : w.taps;
  const __mmask64 mask = Full ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
  const std::uint8_t* const lines = w.data + c / 64 * ((taps + 3) / 4) * 256;
  const std::int32_t* bias = (Signed ? w.bias_signed : w.bias) + c;
  __m512i kept[12];
  if (kTaps == 9) keep_weights(lines, kept);
  std::int64_t at = c;
  for (std::int64_t m = 0; m < args.m; ++m, at += args.step) {
    __m512i acc[4];
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) acc[q] = _mm512_loadu_si512(bias + q * 16);
    const std::uint8_t* line = lines;
    const auto four = [&](std::int64_t t, std::int64_t left) __attribute__((always_inline)) {
      __m512i x[4];
      load_taps<form, Full>(args, args.taps + t, left, at, mask, x);
      if (Signed) {
        const __m512i flip = _mm512_set1_epi8(-128);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) x[i] = _mm512_xor_si512(x[i], flip);
      }
      const __m512i lo01 = _mm512_unpacklo_epi8(x[0], x[1]), hi01 = _mm512_unpackhi_epi8(x[0], x[1]);
      const __m512i lo23 = _mm512_unpacklo_epi8(x[2], x[3]), hi23 = _mm512_unpackhi_epi8(x[2], x[3]);
      const auto weight = [&](int q) __attribute__((always_inline)) {
        return kTaps == 9 ? kept[t + q] : _mm512_load_si512(line + q * 64);
      };
      acc[0] = _mm512_dpbusd_epi32(acc[0], _mm512_unpacklo_epi16(lo01, lo23), weight(0));
      acc[1] = _mm512_dpbusd_epi32(acc[1], _mm512_unpackhi_epi16(lo01, lo23), weight(1));
      acc[2] = _mm512_dpbusd_epi32(acc[2], _mm512_unpacklo_epi16(hi01, hi23), weight(2));
      acc[3] = _mm512_dpbusd_epi32(acc[3], _mm512_unpackhi_epi16(hi01, hi23), weight(3));
      line += 256;
    };
    if (kTaps == 9) {
      four(0, 4);
      four(4, 4);
      four(8, 1);
    } else {
      for (std::int64_t t = 0; t < taps; t += 4) taps - t >= 4 ? four(t, 4) : four(t, taps - t);
    }
    if (args.epilogue.to_float) {
      store_floats(args, m, c, count, acc);
      continue;
    }
    std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + c;
    const __m512i bytes = w.multipliers_below_one ? to_bytes<true>(args, c, acc) : to_bytes<false>(args, c, acc);
    Full ? _mm512_storeu_si512(out, bytes) : _mm512_mask_storeu_epi8(out, mask, bytes);
  }
}

// 64 channels of three rows, interleaved: the fourth byte is zero.
template <bool Signed, bool Full>
[[gnu::always_inline]] inline void load_column(const std::uint8_t* const (&rows)[3], std::int64_t at, __mmask64 mask,
                                               __m512i* quads) {
  __m512i x[3];
#pragma GCC unroll 3
  for (int r = 0; r < 3; ++r) {
    x[r] = Full ? _mm512_loadu_si512(rows[r] + at) : _mm512_maskz_loadu_epi8(mask, rows[r] + at);
    if (Signed) x[r] = _mm512_xor_si512(x[r], _mm512_set1_epi8(-128));
  }
  const __m512i none = _mm512_setzero_si512();
  const __m512i lo01 = _mm512_unpacklo_epi8(x[0], x[1]), hi01 = _mm512_unpackhi_epi8(x[0], x[1]);
  const __m512i lo2 = _mm512_unpacklo_epi8(x[2], none), hi2 = _mm512_unpackhi_epi8(x[2], none);
  quads[0] = _mm512_unpacklo_epi16(lo01, lo2);
  quads[1] = _mm512_unpackhi_epi16(lo01, lo2);
  quads[2] = _mm512_unpacklo_epi16(hi01, hi2);
  quads[3] = _mm512_unpackhi_epi16(hi01, hi2);
}

// next(column) for all columns and pixel(three of them) for all pixels, whose filters move by Stride columns. Registers
// keep the columns that the next pixel sees as well; turns of the loop rename them. Vectors: of a column.
template <int Stride, int Vectors, class Next, class Pixel>
[[gnu::always_inline]] inline void slide_over(std::int64_t pixels, const Next& next, const Pixel& pixel) {
  __m512i a[Vectors], b[Vectors], c[Vectors];
  std::int64_t m = 0;
  if constexpr (Stride == 1) {
    next(a), next(b);
    for (; m + 3 <= pixels; m += 3) {
      next(c), pixel(a, b, c);
      next(a), pixel(b, c, a);
      next(b), pixel(c, a, b);
    }
    if (m < pixels) next(c), pixel(a, b, c);
    if (m + 1 < pixels) next(a), pixel(b, c, a);
  } else {
    next(a);
    for (; m + 2 <= pixels; m += 2) {
      next(b), next(c), pixel(a, b, c);
      next(b), next(a), pixel(c, b, a);
    }
    if (m < pixels) next(b), next(c), pixel(a, b, c);
  }
}

// The same 64 channels, c .. c + 63 or less, of all pixels, whose filters of 3 x 3 move by Stride columns. To bytes.
template <bool Signed, bool Full, int Stride, bool BelowOne>
void sliding_column(const QDepthwiseArgs& args, std::int64_t c, std::int64_t count) {
  const QDepthwiseView& w = args.weights;
  const __mmask64 mask = Full ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
  const std::uint8_t* const lines = w.data + ((w.channels + 63) / 64 + c / 64) * 3 * 256;
  const std::int32_t* const bias = (Signed ? w.bias_signed : w.bias) + c;
  const std::uint8_t* const rows[3] = {args.taps[0], args.taps[3], args.taps[6]};
  const std::int64_t distance = args.taps[1] - args.taps[0];
  auto* out = static_cast<std::uint8_t*>(args.out) + c;
  __m512i weights[12];
  keep_weights(lines, weights);
  std::int64_t at = c;  // of the next column
  const auto next = [&](__m512i * quads) __attribute__((always_inline)) {
    load_column<Signed, Full>(rows, at, mask, quads);
    at += distance;
  };
  const auto pixel = [&](const __m512i* x0, const __m512i* x1, const __m512i* x2) __attribute__((always_inline)) {
    __m512i acc[4];
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      acc[q] = _mm512_dpbusd_epi32(_mm512_loadu_si512(bias + q * 16), x0[q], weights[q]);
      acc[q] = _mm512_dpbusd_epi32(acc[q], x1[q], weights[4 + q]);
      acc[q] = _mm512_dpbusd_epi32(acc[q], x2[q], weights[8 + q]);
    }
    const __m512i bytes = to_bytes<BelowOne>(args, c, acc);
    Full ? _mm512_storeu_si512(out, bytes) : _mm512_mask_storeu_epi8(out, mask, bytes);
    out += args.out_stride;
  };
  slide_over<Stride, 4>(args.m, next, pixel);
}

// As sliding_column, where a value is read beside another or beside a zero: columns stay in registers as they are,
// which tells what is a zero; codes are read where they are wanted.
template <Form form, bool Signed, bool Full, int Stride, bool BelowOne>
void sliding_pairs(const QDepthwiseArgs& args, std::int64_t c, std::int64_t count) {
  const QDepthwiseView& w = args.weights;
  const __mmask64 mask = Full ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
  const std::int32_t* const bias = (Signed ? w.bias_signed : w.bias) + c;
  const std::uint8_t* const rows[3] = {args.taps[0], args.taps[3], args.taps[6]};
  const std::int64_t distance = args.taps[1] - args.taps[0];
  auto* out = static_cast<std::uint8_t*>(args.out) + c;
  __m512i weights[12];
  keep_weights(w.data + c / 64 * 3 * 256, weights);
  const auto load = [&](const std::uint8_t* from) __attribute__((always_inline)) {
    return Full ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(mask, from);
  };
  std::int64_t at = c;  // of the next column
  const auto next = [&](__m512i * column) __attribute__((always_inline)) {
#pragma GCC unroll 3
    for (int r = 0; r < 3; ++r) column[r] = load(rows[r] + at);
    at += distance;
  };
  const auto pixel = [&](const __m512i* x0, const __m512i* x1, const __m512i* x2) __attribute__((always_inline)) {
    const __m512i x[10] = {x0[0], x1[0], x2[0], x0[1], x1[1], x2[1], x0[2], x1[2], x2[2], _mm512_setzero_si512()};
    const std::int64_t first = at - 3 * distance;
    __m512i code[10];
    code[9] = x[9];
#pragma GCC unroll 9
    for (int t = 0; t < 9; ++t) {
      const std::uint8_t* const from = rows[t / 3] + first + t % 3 * distance;
      code[t] = form == Form::kept ? x[t] : load(from + args.lone_offset);
      // A zero stays zero beside anything, so that a partner's mask reaches no byte that does not exist.
      if (t < 8)
        code[t] = _mm512_mask_loadu_epi8(code[t], _mm512_test_epi8_mask(x[t ^ 1], x[t ^ 1]), from + args.pair_offset);
      if (Signed) code[t] = _mm512_xor_si512(code[t], _mm512_set1_epi8(-128));
    }
    __m512i acc[4];
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) acc[q] = _mm512_loadu_si512(bias + q * 16);
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
      const __m512i *a = code + 4 * i, none = x[9];
      const __m512i lo01 = _mm512_unpacklo_epi8(a[0], a[1]), hi01 = _mm512_unpackhi_epi8(a[0], a[1]);
      const __m512i lo23 = i < 2 ? _mm512_unpacklo_epi8(a[2], a[3]) : none,
                    hi23 = i < 2 ? _mm512_unpackhi_epi8(a[2], a[3]) : none;
      acc[0] = _mm512_dpbusd_epi32(acc[0], _mm512_unpacklo_epi16(lo01, lo23), weights[4 * i]);
      acc[1] = _mm512_dpbusd_epi32(acc[1], _mm512_unpackhi_epi16(lo01, lo23), weights[4 * i + 1]);
      acc[2] = _mm512_dpbusd_epi32(acc[2], _mm512_unpacklo_epi16(hi01, hi23), weights[4 * i + 2]);
      acc[3] = _mm512_dpbusd_epi32(acc[3], _mm512_unpackhi_epi16(hi01, hi23), weights[4 * i + 3]);
    }
    const __m512i bytes = to_bytes<BelowOne>(args, c, acc);
    Full ? _mm512_storeu_si512(out, bytes) : _mm512_mask_storeu_epi8(out, mask, bytes);
    out += args.out_stride;
  };
  slide_over<Stride, 3>(args.m, next, pixel);
}

template <Form form, bool Signed, bool Full, int Stride, bool BelowOne>
void sliding(const QDepthwiseArgs& args, std::int64_t c, std::int64_t count) {
  if constexpr (form == Form::plain) {
    sliding_column<Signed, Full, Stride, BelowOne>(args, c, count);
  } else {
    sliding_pairs<form, Signed, Full, Stride, BelowOne>(args, c, count);
  }
}

template <Form form, bool Signed, int Stride, bool BelowOne>
void slide(const QDepthwiseArgs& args) {
  std::int64_t c = 0;
  for (; c + 64 <= args.weights.channels; c += 64) sliding<form, Signed, true, Stride, BelowOne>(args, c, 64);
  if (c < args.weights.channels) sliding<form, Signed, false, Stride, BelowOne>(args, c, args.weights.channels - c);
}

template <Form form, bool Signed>
void slide(const QDepthwiseArgs& args, std::int64_t stride) {
  const bool below_one = args.weights.multipliers_below_one;
  if (stride == 1) return below_one ? slide<form, Signed, 1, true>(args) : slide<form, Signed, 1, false>(args);
  below_one ? slide<form, Signed, 2, true>(args) : slide<form, Signed, 2, false>(args);
}

// By how many columns the filters move, if they are 3 x 3 with columns at equal distances and move by one or two.
std::int64_t sliding_stride(const QDepthwiseArgs& args) {
  if (args.weights.taps != 9 || args.m < 1 || args.epilogue.to_float) return 0;
  const std::uint8_t* const* taps = args.taps;
  const std::int64_t distance = taps[1] - taps[0];
  for (int r = 0; r < 9; r += 3) {
    if (taps[r + 1] - taps[r] != distance || taps[r + 2] - taps[r + 1] != distance) return 0;
  }
  return args.step == distance ? 1 : args.step == 2 * distance ? 2 : 0;
}

template <Form form, bool Signed, int kTaps>
void run_taps(const QDepthwiseArgs& args) {
  std::int64_t c = 0;
  for (; c + 64 <= args.weights.channels; c += 64) column<form, Signed, true, kTaps>(args, c, 64);
  if (c < args.weights.channels) column<form, Signed, false, kTaps>(args, c, args.weights.channels - c);
}

// All that the inner loop asks is a template argument, because every instruction of it counts.
template <Form form, bool Signed>
void run(const QDepthwiseArgs& args) {
  const std::int64_t stride = sliding_stride(args);
  if (stride != 0) return slide<form, Signed>(args, stride);
  args.weights.taps == 9 ? run_taps<form, Signed, 9>(args) : run_taps<form, Signed, 0>(args);
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
