// AVX-512 VNNI: vpdpbusd on register tiles of Rows x (16 * Vectors) accumulators.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/qgemm/store_avx512.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

// Signed is a template argument because the extra xor competes with vpdpbusd for the same ports. ahead: the weights of
// 16 columns that are wanted next, to be brought nearer.
template <int Rows, int Vectors, bool Signed>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n,
          const std::uint8_t* ahead) {
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
    for (std::int64_t q = 0; q < quads; ++q, weight += 64, ahead += 64) {
      if (Vectors == 4) _mm_prefetch(ahead, _MM_HINT_T1);
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
  store_tile(args, m, n, acc);
}

// A template for each number of rows up to Rows, so that short tails (a linear layer has one row) cost what they need.
template <int Rows, int Vectors, bool Signed>
void tile_of(std::int64_t count, const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n,
             const std::uint8_t* ahead) {
  if (count >= Rows) {
    tile<Rows, Vectors, Signed>(args, rows, m, n, ahead);
  } else if constexpr (Rows > 1) {
    tile_of<Rows - 1, Vectors, Signed>(count, args, rows, m, n, ahead);
  }
}

template <int Rows, int Vectors, bool Signed>
void columns(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count,
             std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t panel = w.run_taps * w.quads * 64, panels = (w.n + 15) / 16;
  // Rows are spread evenly over the tiles: a tile of one row would read all weights for it alone. The tiles bring the
  // next columns' weights nearer, 16 columns each.
  std::int64_t next = n / 16 + Vectors;
  for (std::int64_t m = 0, tiles = (count + Rows - 1) / Rows; tiles > 0; --tiles, ++next) {
    const std::int64_t some = (count - m + tiles - 1) / tiles;
    const std::uint8_t* const ahead = w.data + (next < panels && next < n / 16 + 2 * Vectors ? next : n / 16) * panel;
    tile_of<Rows, Vectors, Signed>(some, args, rows + m * w.run_taps, m0 + m, n, ahead);
    m += some;
  }
}

// Columns outside, rows inside: the panel of weights stays in the cache.
template <bool Signed>
void block(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count) {
  const ClearUpper clear;
  std::int64_t n = 0;
  for (; args.weights.n - n > 48; n += 64) columns<6, 4, Signed>(args, rows, m0, count, n);
  for (; args.weights.n - n > 16; n += 32) columns<8, 2, Signed>(args, rows, m0, count, n);
  for (; args.weights.n - n > 0; n += 16) columns<12, 1, Signed>(args, rows, m0, count, n);
}

}  // namespace

void run_avx512vnni(const QGemmArgs& args) {
  const QGemmView& w = args.weights;
  const auto run = args.signed_input ? block<true> : block<false>;
  if (w.gather) {
    std::uint8_t* buffer = args.scratch != nullptr ? args.scratch : scratch(kGatherRows * w.quads * 4);
    const std::uint8_t* dense[kGatherRows];
    for (std::int64_t m = 0; m < args.m; m += kGatherRows) {
      const std::int64_t count = args.m - m < kGatherRows ? args.m - m : kGatherRows;
      gather(w, args.rows + m * w.taps, count, buffer, dense);
      run(args, dense, m, count);
    }
  } else {
    run(args, args.rows, 0, args.m);
  }
}

}  // namespace bitsieve::qgemm
