// AVX2: bytes widened to int16 pairs for pmaddwd; pmaddubsw would saturate.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"

namespace bitsieve::qgemm {
namespace {

constexpr int kRows = 4;

// One output row of 16 columns; `count` of them are stored.
void store(const QGemmArgs& args, std::int64_t m, std::int64_t n, int count, __m256i acc0, __m256i acc1) {
  const Epilogue& e = args.epilogue;
  const float* multiplier = args.weights.multiplier + n;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m256 lo = _mm256_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m256 hi = _mm256_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m256 y0 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc0), _mm256_loadu_ps(multiplier));
  __m256 y1 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc1), _mm256_loadu_ps(multiplier + 8));
  y0 = _mm256_min_ps(hi, _mm256_max_ps(lo, y0));
  y1 = _mm256_min_ps(hi, _mm256_max_ps(lo, y1));
  if (e.to_float) {
    float* out = static_cast<float*>(args.out) + m * args.out_stride + n;
    float spare[16];
    float* to = count == 16 ? out : spare;
    _mm256_storeu_ps(to, y0);
    _mm256_storeu_ps(to + 8, y1);
    if (count != 16) __builtin_memcpy(out, spare, static_cast<unsigned>(count) * sizeof(float));
    return;
  }
  const __m256i low_byte = _mm256_set1_epi32(255);
  const __m256i i0 = _mm256_and_si256(_mm256_cvtps_epi32(y0), low_byte);
  const __m256i i1 = _mm256_and_si256(_mm256_cvtps_epi32(y1), low_byte);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(i0, i1), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  if (count == 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
  } else {
    std::uint8_t spare[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(spare), bytes);
    __builtin_memcpy(out, spare, static_cast<unsigned>(count));
  }
}

template <int Rows>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t taps = w.run_taps, quads = w.quads;
  const __m256i flip = _mm256_set1_epi32(args.signed_input ? static_cast<int>(0x80808080u) : 0);
  const __m256i first = _mm256_set1_epi32(static_cast<int>(0x80018000u));   // bytes 0, zero, 1, zero
  const __m256i second = _mm256_set1_epi32(static_cast<int>(0x80038002u));  // bytes 2, zero, 3, zero
  const std::int32_t* bias = (args.signed_input ? w.bias_signed : w.bias) + n;
  const std::uint8_t* weight = w.data + n / 16 * taps * quads * 128;
  __m256i acc[Rows][2];
  for (int r = 0; r < Rows; ++r) {
    acc[r][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias));
    acc[r][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias + 8));
  }
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::uint8_t* from[Rows];
    for (int r = 0; r < Rows; ++r) from[r] = rows[r * taps + t];
    for (std::int64_t q = 0; q < quads; ++q, weight += 128) {
      const auto* line = reinterpret_cast<const __m256i*>(weight);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        int quad;
        __builtin_memcpy(&quad, from[r] + q * 4, 4);
        const __m256i bytes = _mm256_xor_si256(_mm256_set1_epi32(quad), flip);
        const __m256i a0 = _mm256_shuffle_epi8(bytes, first), a1 = _mm256_shuffle_epi8(bytes, second);
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(a0, _mm256_load_si256(line)));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(a0, _mm256_load_si256(line + 1)));
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(a1, _mm256_load_si256(line + 2)));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(a1, _mm256_load_si256(line + 3)));
      }
    }
  }
  const int count = w.n - n < 16 ? static_cast<int>(w.n - n) : 16;
  for (int r = 0; r < Rows; ++r) store(args, m + r, n, count, acc[r][0], acc[r][1]);
}

void block(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count) {
  const std::int64_t taps = args.weights.run_taps;
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    std::int64_t m = 0;
    for (; m + kRows <= count; m += kRows) tile<kRows>(args, rows + m * taps, m0 + m, n);
    for (; m + 2 <= count; m += 2) tile<2>(args, rows + m * taps, m0 + m, n);
    if (m < count) tile<1>(args, rows + m * taps, m0 + m, n);
  }
}

}  // namespace

void run_avx2(const QGemmArgs& args) {
  const QGemmView& w = args.weights;
  if (!w.gather) return block(args, args.rows, 0, args.m);
  std::uint8_t* buffer = args.scratch != nullptr ? args.scratch : scratch(kGatherRows * w.quads * 4);
  const std::uint8_t* dense[kGatherRows];
  for (std::int64_t m = 0; m < args.m; m += kGatherRows) {
    const std::int64_t count = args.m - m < kGatherRows ? args.m - m : kGatherRows;
    gather(w, args.rows + m * w.taps, count, buffer, dense);
    block(args, dense, m, count);
  }
}

}  // namespace bitsieve::qgemm
