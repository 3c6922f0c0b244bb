// AVX-512 VNNI: vpdpbusd on register tiles of Rows x (16 * Vectors) accumulators.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"

namespace bitsieve::qgemm {
namespace {

struct Tail {
  __mmask16 mask;
  bool whole;
};

void store(const QGemmArgs& args, std::int64_t m, std::int64_t n, Tail tail, __m512i acc) {
  const Epilogue& e = args.epilogue;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m512 lo = _mm512_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m512 hi = _mm512_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(args.weights.multiplier + n));
  y = _mm512_min_ps(hi, _mm512_max_ps(lo, y));
  if (e.to_float) {
    _mm512_mask_storeu_ps(static_cast<float*>(args.out) + m * args.out_stride + n, tail.mask, y);
    return;
  }
  const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(y));
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  if (tail.whole) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
  } else {
    _mm_mask_storeu_epi8(out, tail.mask, bytes);
  }
}

// Signed is a template argument because the extra xor competes with vpdpbusd for the same ports.
template <int Rows, int Vectors, bool Signed>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t taps = w.run_taps, quads = w.quads, panel = taps * quads * 64;
  const __m512i flip = _mm512_set1_epi32(static_cast<int>(0x80808080u));
  const std::uint8_t* weight = w.data + n / 16 * panel;
  __m512i acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int v = 0; v < Vectors; ++v) {
    const __m512i start = _mm512_loadu_si512((Signed ? w.bias_signed : w.bias) + n + v * 16);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) acc[r][v] = start;
  }
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::uint8_t* from[Rows];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) from[r] = rows[r * taps + t];
    for (std::int64_t q = 0; q < quads; ++q, weight += 64) {
      __m512i b[Vectors];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) b[v] = _mm512_load_si512(weight + v * panel);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        int quad;
        __builtin_memcpy(&quad, from[r] + q * 4, 4);
        __m512i a = _mm512_set1_epi32(quad);
        if (Signed) a = _mm512_xor_si512(a, flip);
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], a, b[v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < Vectors; ++v) {
    const std::int64_t column = n + v * 16, left = w.n - column;
    const Tail tail{static_cast<__mmask16>(left >= 16 ? 0xFFFFu : (1u << left) - 1u), left >= 16};
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) store(args, m + r, column, tail, acc[r][v]);
  }
}

// Up to Rows rows: a template for each count, so that short tails (a linear layer has one row) cost what they need.
template <int Rows, int Vectors, bool Signed>
void tile_upto(std::int64_t count, const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m,
               std::int64_t n) {
  if (count >= Rows) {
    tile<Rows, Vectors, Signed>(args, rows, m, n);
  } else if constexpr (Rows > 1) {
    tile_upto<Rows - 1, Vectors, Signed>(count, args, rows, m, n);
  }
}

template <int Rows, int Vectors, bool Signed>
void columns(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count,
             std::int64_t n) {
  for (std::int64_t m = 0; m < count; m += Rows) {
    tile_upto<Rows, Vectors, Signed>(count - m, args, rows + m * args.weights.run_taps, m0 + m, n);
  }
}

// Columns outside, rows inside: the panel of weights stays in the cache.
template <bool Signed>
void block(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count) {
  std::int64_t n = 0;
  for (; args.weights.n - n > 48; n += 64) columns<6, 4, Signed>(args, rows, m0, count, n);
  for (; args.weights.n - n > 16; n += 32) columns<8, 2, Signed>(args, rows, m0, count, n);
  for (; args.weights.n - n > 0; n += 16) columns<12, 1, Signed>(args, rows, m0, count, n);
}

}  // namespace

void run_avx512vnni(const QGemmArgs& args) {
  const QGemmView& w = args.weights;
  const auto run = args.signed_input ? block<true> : block<false>;
  if (!w.gather) return run(args, args.rows, 0, args.m);
  std::uint8_t* buffer = args.scratch != nullptr ? args.scratch : scratch(kGatherRows * w.quads * 4);
  const std::uint8_t* dense[kGatherRows];
  for (std::int64_t m = 0; m < args.m; m += kGatherRows) {
    const std::int64_t count = args.m - m < kGatherRows ? args.m - m : kGatherRows;
    gather(w, args.rows + m * w.taps, count, buffer, dense);
    run(args, dense, m, count);
  }
}

}  // namespace bitsieve::qgemm
