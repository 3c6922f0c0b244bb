// AVX2: pmaddwd, register tiles of 6 pixels x 16 columns; of 6 x 8 where no more columns are left.
#include <immintrin.h>

#include "kernels/qgemm/store_avx2.h"
#include "kernels/qgemm/widen_avx2.h"
#include "kernels/unroll.h"
#include "kernels/wide_conv/internal.h"

namespace bitsieve::wide_conv {
namespace {

constexpr int tile_pixels = 6;  // 12 accumulators, two vectors of weights, a broadcast; six addresses

// Halves: of 16 columns.
template <int Pixels, int Halves>
void tile(const WideConvArgs& args, const QGemmArgs& to, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t pairs = w.taps * w.depth / 2;
  const std::int16_t* from[Pixels];
  __m256i acc[Pixels][Halves];
  repeat<Pixels>([&](auto r) __attribute__((always_inline)) {
    from[r] = args.pixels[m + r];
    repeat<Halves>([&](auto half) __attribute__((always_inline)) {
      acc[r][half] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.bias + n + 8 * half));
    });
  });
  const std::uint8_t* weight = w.data + n / 16 * pairs * 64;
  for (std::int64_t p = 0; p < pairs; ++p, weight += 64) {
    const std::int64_t offset = args.offsets[p];
    __m256i b[Halves];
    repeat<Halves>([&](auto half) __attribute__((always_inline)) {
      b[half] = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 32 * half));
    });
    repeat<Pixels>([&](auto r) __attribute__((always_inline)) {
      int pair;
      __builtin_memcpy(&pair, from[r] + offset, 4);
      const __m256i x = _mm256_set1_epi32(pair);
      repeat<Halves>([&](auto half) __attribute__((always_inline)) {
        acc[r][half] = _mm256_add_epi32(acc[r][half], _mm256_madd_epi16(x, b[half]));
      });
    });
  }
  if constexpr (Halves == 2) {
    qgemm::store_tile(to, m, n, acc);
  } else {
    qgemm::store_half_tile(to, m, n, acc);
  }
}

template <int Halves>
void columns(const WideConvArgs& args, const QGemmArgs& to, std::int64_t n) {
  spread_rows<tile_pixels>(args.m, [&](std::int64_t m, auto some) { tile<some, Halves>(args, to, m, n); });
}

}  // namespace

void widen_avx2(const std::uint8_t* from, std::int64_t count, bool is_signed, std::int16_t* to) {
  qgemm::widen(from, count, is_signed, to);
}

void run_avx2(const WideConvArgs& args) {
  const ClearUpper clear;
  const QGemmArgs to{args.m, nullptr, args.weights, false, args.epilogue, args.out, args.out_stride, nullptr};
  for (std::int64_t n = 0; n < args.weights.n; n += 16)
    args.weights.n - n > 8 ? columns<2>(args, to, n) : columns<1>(args, to, n);
}

}  // namespace bitsieve::wide_conv
