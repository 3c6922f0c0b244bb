// AVX-512 VNNI: vpdpbusd on register tiles of Rows x (16 * Vectors) accumulators.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

__mmask16 first_columns(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : (1u << count) - 1u);
}

// Any epilogue, one vector of a row at a time.
void store(const QGemmArgs& args, std::int64_t m, std::int64_t n, __m512i acc) {
  const Epilogue& e = args.epilogue;
  const __mmask16 mask = first_columns(args.weights.n - n);
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m512 lo = _mm512_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m512 hi = _mm512_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(args.weights.multiplier + n));
  y = _mm512_min_ps(hi, _mm512_max_ps(lo, y));
  if (e.to_float) {
    _mm512_mask_storeu_ps(static_cast<float*>(args.out) + m * args.out_stride + n, mask, y);
    return;
  }
  _mm_mask_storeu_epi8(static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n, mask,
                       _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(y)));
}

// The bytes of a tile, four vectors at a time. Upper bounds are taken in float, where nothing overflows; what is too
// low for int32 becomes the lowest int32, saturates on its way to bytes and is raised to the lower bound there. Inline,
// so that the accumulators stay in registers.
template <int Rows, int Vectors>
[[gnu::always_inline]] inline void store_bytes(const QGemmArgs& args, std::int64_t m, std::int64_t n, bool is_signed,
                                               const __m512i (&acc)[Rows][Vectors]) {
  constexpr int kTogether = 4 / Vectors;  // rows
  const __m512 hi = _mm512_set1_ps(static_cast<float>(args.epilogue.hi));
  const __m512i lo = _mm512_set1_epi8(static_cast<char>(args.epilogue.lo));
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const std::int64_t left = args.weights.n - n;
  std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + n;
  __m512 multiplier[Vectors];
  repeat<Vectors>([&](auto v) __attribute__((always_inline)) {
    multiplier[v] = _mm512_loadu_ps(args.weights.multiplier + n + v * 16);
  });
  repeat<(Rows + kTogether - 1) / kTogether>([&](auto group) __attribute__((always_inline)) {
    __m512i i[4];
    repeat<4>([&](auto k) __attribute__((always_inline)) {
      constexpr int kWanted = group * kTogether + k / Vectors, kRow = kWanted < Rows ? kWanted : Rows - 1;
      const __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[kRow][k % Vectors]), multiplier[k % Vectors]);
      i[k] = _mm512_cvtps_epi32(_mm512_min_ps(hi, y));
    });
    const __m512i low = _mm512_packs_epi32(i[0], i[1]), high = _mm512_packs_epi32(i[2], i[3]);
    __m512i bytes = is_signed ? _mm512_max_epi8(_mm512_packs_epi16(low, high), lo)
                              : _mm512_max_epu8(_mm512_packus_epi16(low, high), lo);
    bytes = _mm512_permutexvar_epi32(order, bytes);  // packing works within lanes
    std::uint8_t* to = out + group * kTogether * args.out_stride;
    if constexpr (Vectors == 4) {
      _mm512_mask_storeu_epi8(to, left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1, bytes);
    } else if constexpr (Vectors == 2) {
      const __mmask32 mask = left >= 32 ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
      _mm256_mask_storeu_epi8(to, mask, _mm512_castsi512_si256(bytes));
      if constexpr (group * 2 + 1 < Rows)
        _mm256_mask_storeu_epi8(to + args.out_stride, mask, _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      const __mmask16 mask = first_columns(left);
      _mm_mask_storeu_epi8(to, mask, _mm512_castsi512_si128(bytes));
      if constexpr (group * 4 + 1 < Rows)
        _mm_mask_storeu_epi8(to + args.out_stride, mask, _mm512_extracti32x4_epi32(bytes, 1));
      if constexpr (group * 4 + 2 < Rows)
        _mm_mask_storeu_epi8(to + 2 * args.out_stride, mask, _mm512_extracti32x4_epi32(bytes, 2));
      if constexpr (group * 4 + 3 < Rows)
        _mm_mask_storeu_epi8(to + 3 * args.out_stride, mask, _mm512_extracti32x4_epi32(bytes, 3));
    }
  });
}

// Signed is a template argument because the extra xor competes with vpdpbusd for the same ports.
template <int Rows, int Vectors, bool Signed>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t taps = w.run_taps, quads = w.quads, panel = taps * quads * 64;
  const __m512i flip = _mm512_set1_epi32(static_cast<int>(0x80808080u));
  const std::uint8_t* weight = w.data + n / 16 * panel;
  __m512i acc[Rows][Vectors];
  repeat<Vectors>([&](auto v) __attribute__((always_inline)) {
    const __m512i start = _mm512_loadu_si512((Signed ? w.bias_signed : w.bias) + n + v * 16);
    repeat<Rows>([&](auto r) __attribute__((always_inline)) { acc[r][v] = start; });
  });
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::uint8_t* from[Rows];
    repeat<Rows>([&](auto r) __attribute__((always_inline)) { from[r] = rows[r * taps + t]; });
    for (std::int64_t q = 0; q < quads; ++q, weight += 64) {
      __m512i b[Vectors];
      repeat<Vectors>([&](auto v) __attribute__((always_inline)) { b[v] = _mm512_load_si512(weight + v * panel); });
      repeat<Rows>([&](auto r) __attribute__((always_inline)) {
        int quad;
        __builtin_memcpy(&quad, from[r] + q * 4, 4);
        __m512i a = _mm512_set1_epi32(quad);
        if (Signed) a = _mm512_xor_si512(a, flip);
        repeat<Vectors>([&](auto v)
                            __attribute__((always_inline)) { acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], a, b[v]); });
      });
    }
  }
  const Epilogue& e = args.epilogue;
  if (!e.to_float && (e.lo >= 0 || e.hi <= 127)) return store_bytes(args, m, n, e.lo < 0, acc);
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    repeat<Vectors>([&](auto v) __attribute__((always_inline)) { store(args, m + r, n + v * 16, acc[r][v]); });
  });
}

// A template for each number of rows up to Rows, so that short tails (a linear layer has one row) cost what they need.
template <int Rows, int Vectors, bool Signed>
void tile_of(std::int64_t count, const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m,
             std::int64_t n) {
  if (count >= Rows) {
    tile<Rows, Vectors, Signed>(args, rows, m, n);
  } else if constexpr (Rows > 1) {
    tile_of<Rows - 1, Vectors, Signed>(count, args, rows, m, n);
  }
}

template <int Rows, int Vectors, bool Signed>
void columns(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count,
             std::int64_t n) {
  // Rows are spread evenly over the tiles: a tile of one row would read all weights for it alone.
  for (std::int64_t m = 0, tiles = (count + Rows - 1) / Rows; tiles > 0; --tiles) {
    const std::int64_t some = (count - m + tiles - 1) / tiles;
    tile_of<Rows, Vectors, Signed>(some, args, rows + m * args.weights.run_taps, m0 + m, n);
    m += some;
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
