// AVX2: blocks of 16 channels; two taps are interleaved as int16 pairs and meet their weights in pmaddwd.
#include <immintrin.h>

#include "kernels/qdepthwise/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::qdepthwise {
namespace {

__m128i load(const std::uint8_t* from, int count) {
  if (count == 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  std::uint8_t spare[16] = {};
  __builtin_memcpy(spare, from, static_cast<unsigned>(count));
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(spare));
}

// 16 bytes. Upper bounds are taken in float, where nothing overflows; what is too low for int32 becomes the lowest
// int32, saturates on its way to bytes and is raised to the lower bound there.
void store_bytes(const QDepthwiseArgs& args, std::int64_t m, std::int64_t c, __m256i acc0, __m256i acc1) {
  const __m256 hi = _mm256_set1_ps(static_cast<float>(args.epilogue.hi));
  const float* multiplier = args.weights.multiplier + c;
  const auto rounded = [&](__m256i x, const float* by) __attribute__((always_inline)) {
    return _mm256_cvtps_epi32(_mm256_min_ps(hi, _mm256_mul_ps(_mm256_cvtepi32_ps(x), _mm256_loadu_ps(by))));
  };
  // Packing within lanes undoes the order that unpacking within lanes made.
  const __m256i words = _mm256_packs_epi32(rounded(acc0, multiplier), rounded(acc1, multiplier + 8));
  const __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
  const __m128i least = _mm_set1_epi8(static_cast<char>(args.epilogue.lo));
  const __m128i bytes = args.epilogue.lo < 0 ? _mm_max_epi8(_mm_packs_epi16(low, high), least)
                                             : _mm_max_epu8(_mm_packus_epi16(low, high), least);
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + c;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
}

// acc0 and acc1 hold channels 4h .. 4h+3 of each half (see pack_pairs).
void store(const QDepthwiseArgs& args, std::int64_t m, std::int64_t c, int count, __m256i acc0, __m256i acc1) {
  const Epilogue& e = args.epilogue;
  if (count == 16 && !e.to_float && (e.lo >= 0 || e.hi <= 127)) return store_bytes(args, m, c, acc0, acc1);
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m256 lo = _mm256_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m256 hi = _mm256_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  const float* multiplier = args.weights.multiplier + c;
  __m256 y0 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc0), _mm256_loadu_ps(multiplier));
  __m256 y1 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc1), _mm256_loadu_ps(multiplier + 8));
  y0 = _mm256_min_ps(hi, _mm256_max_ps(lo, y0));
  y1 = _mm256_min_ps(hi, _mm256_max_ps(lo, y1));
  if (e.to_float) {
    float* out = static_cast<float*>(args.out) + m * args.out_stride + c;
    float spare[16];
    float* to = count == 16 ? out : spare;
    _mm256_storeu_ps(to, _mm256_permute2f128_ps(y0, y1, 0x20));
    _mm256_storeu_ps(to + 8, _mm256_permute2f128_ps(y0, y1, 0x31));
    if (count != 16) __builtin_memcpy(out, spare, static_cast<unsigned>(count) * sizeof(float));
    return;
  }
  // Packing within lanes undoes the order that unpacking within lanes made.
  const __m256i low_byte = _mm256_set1_epi32(255);
  const __m256i words = _mm256_packus_epi32(_mm256_and_si256(_mm256_cvtps_epi32(y0), low_byte),
                                            _mm256_and_si256(_mm256_cvtps_epi32(y1), low_byte));
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  std::uint8_t spare[16];
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + c;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(count == 16 ? out : spare), bytes);
  if (count != 16) __builtin_memcpy(out, spare, static_cast<unsigned>(count));
}

// Where `partner` is 0 the value beside a zero, else the one beside another.
__m128i choose(const QDepthwiseArgs& args, const std::uint8_t* from, __m128i partner, int count) {
  return _mm_blendv_epi8(load(from + args.pair_offset, count), load(from + args.lone_offset, count),
                         _mm_cmpeq_epi8(partner, _mm_setzero_si128()));
}

// One pixel's 16 channels from `at` on of each tap; `count` of them are there.
template <bool Paired, bool Signed>
[[gnu::always_inline]] inline void add_pair(const QDepthwiseArgs& args, const std::uint8_t* from,
                                            const std::uint8_t* beside, bool has_partner, int count,
                                            const __m256i* line, __m256i& acc0, __m256i& acc1) {
  __m128i x = load(from, count), y = load(beside, count);
  if (Paired) {
    const __m128i raw = x;
    x = choose(args, from, has_partner ? y : _mm_setzero_si128(), count);
    y = choose(args, beside, raw, count);
  }
  const __m256i a = Signed ? _mm256_cvtepi8_epi16(x) : _mm256_cvtepu8_epi16(x),
                b = Signed ? _mm256_cvtepi8_epi16(y) : _mm256_cvtepu8_epi16(y);
  acc0 = _mm256_add_epi32(acc0, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), _mm256_load_si256(line)));
  acc1 = _mm256_add_epi32(acc1, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), _mm256_load_si256(line + 1)));
}

// Taps: how many there are, where that is known; 0: any number.
template <bool Paired, bool Signed, int Taps>
void run(const QDepthwiseArgs& args) {
  const QDepthwiseView& w = args.weights;
  const std::int64_t taps = Taps > 0 ? Taps : w.taps, pairs = (taps + 1) / 2;
  for (std::int64_t m = 0; m < args.m; ++m) {
    for (std::int64_t c = 0; c < w.channels; c += 16) {
      const int count = w.channels - c < 16 ? static_cast<int>(w.channels - c) : 16;
      const std::int64_t at = m * args.step + c;
      const auto* line = reinterpret_cast<const __m256i*>(w.data + c / 16 * pairs * 64);
      __m256i acc0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.bias + c));
      __m256i acc1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.bias + c + 8));
      // A missing partner weighs zero; any readable row will do.
      if (Taps > 0 && count == 16) {
        repeat<(Taps + 1) / 2>([&](auto p) __attribute__((always_inline)) {
          constexpr int first = 2 * p, second = first + 1 < Taps ? first + 1 : first;
          add_pair<Paired, Signed>(args, args.taps[first] + at, args.taps[second] + at, first != second, 16,
                                   line + 2 * p, acc0, acc1);
        });
      } else {
        for (std::int64_t t = 0; t < taps; t += 2, line += 2) {
          const std::int64_t partner = t + 1 < taps ? t + 1 : t;
          add_pair<Paired, Signed>(args, args.taps[t] + at, args.taps[partner] + at, partner != t, count, line, acc0,
                                   acc1);
        }
      }
      store(args, m, c, count, acc0, acc1);
    }
  }
}

template <bool Paired, bool Signed>
void run_taps(const QDepthwiseArgs& args) {
  args.weights.taps == 9 ? run<Paired, Signed, 9>(args) : run<Paired, Signed, 0>(args);
}

}  // namespace

void run_avx2(const QDepthwiseArgs& args) {
  if (args.paired) return args.signed_input ? run_taps<true, true>(args) : run_taps<true, false>(args);
  args.signed_input ? run_taps<false, true>(args) : run_taps<false, false>(args);
}

}  // namespace bitsieve::qdepthwise
