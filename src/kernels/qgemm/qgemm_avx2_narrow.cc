// AVX2, for weights of few bits: pmaddubsw adds two products in 16 bits, where 255 * 2 * 64 still fits, and with
// smaller weights several of its results fit as well before they have to be widened. So weights of 4 bits take half as
// many multiplications as the 8-bit kernel, and rows stay bytes.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/qgemm/store_avx2.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

// Rows of a tile. 8 sums in 16 bits beside 8 in 32: six rows would not leave registers for products. Sums of one quad
// are widened at once, and need none.
template <int Together>
constexpr int tile_rows = Together == 1 ? 6 : 4;

// Together: quads of a row whose products are summed in 16 bits: 2 * Together products of 255 and 64 /
// Together are no more than 32640.
template <int Rows, int Together, bool Signed>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t taps = w.run_taps, quads = w.quads;
  const __m256i flip = _mm256_set1_epi32(static_cast<int>(0x80808080u));
  const __m256i ones = _mm256_set1_epi16(1);
  const std::int32_t* bias = (Signed ? w.bias_signed : w.bias) + n;
  const std::uint8_t* weight = w.data + n / 16 * taps * quads * 64;
  __m256i acc[Rows][2];
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    acc[r][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias));
    acc[r][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias + 8));
  });
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::uint8_t* from[Rows];
    repeat<Rows>([&](auto r) __attribute__((always_inline)) { from[r] = rows[r * taps + t]; });
    if constexpr (Together == 1) {
      for (std::int64_t q = 0; q < quads; ++q, weight += 64) {
        const __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight)),
                      b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 32));
        repeat<Rows>([&](auto r) __attribute__((always_inline)) {
          int bytes;
          __builtin_memcpy(&bytes, from[r] + q * 4, 4);
          __m256i x = _mm256_set1_epi32(bytes);
          if (Signed) x = _mm256_xor_si256(x, flip);
          acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(_mm256_maddubs_epi16(x, b0), ones));
          acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(_mm256_maddubs_epi16(x, b1), ones));
        });
      }
      continue;
    }
    for (std::int64_t q = 0; q < quads;) {
      __m256i sum[Rows][2];
      repeat<Rows>([&](auto r) __attribute__((always_inline)) { sum[r][0] = sum[r][1] = _mm256_setzero_si256(); });
      const auto add_quad = [&](std::int64_t at) __attribute__((always_inline)) {
        const __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight)),
                      b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 32));
        weight += 64;
        repeat<Rows>([&](auto r) __attribute__((always_inline)) {
          int bytes;
          __builtin_memcpy(&bytes, from[r] + at * 4, 4);
          __m256i x = _mm256_set1_epi32(bytes);
          if (Signed) x = _mm256_xor_si256(x, flip);
          sum[r][0] = _mm256_add_epi16(sum[r][0], _mm256_maddubs_epi16(x, b0));
          sum[r][1] = _mm256_add_epi16(sum[r][1], _mm256_maddubs_epi16(x, b1));
        });
      };
      if (Together == 2 && quads - q >= 2) {
        add_quad(q);
        add_quad(q + 1);
        q += 2;
      } else {
        // A loop, and the sums in 32 bits in memory for as long: unrolled, GCC keeps those in registers and has none
        // left for what is added at each step.
        const std::int64_t last = quads - q < Together ? quads : q + Together;
        asm volatile("" : "+m"(acc));
#pragma GCC unroll 1
        for (; q < last; ++q) add_quad(q);
      }
      repeat<Rows>([&](auto r) __attribute__((always_inline)) {
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(sum[r][0], ones));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(sum[r][1], ones));
      });
    }
  }
  store_tile(args, m, n, acc);
}

template <int Together, bool Signed>
void block(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count) {
  const ClearUpper clear;
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    spread_rows<tile_rows<Together>>(count, [&](std::int64_t m, auto some) {
      tile<some, Together, Signed>(args, rows + m * args.weights.run_taps, m0 + m, n);
    });
  }
}

template <int Together>
void run(const QGemmArgs& args) {
  const QGemmView& w = args.weights;
  const auto each = args.signed_input ? block<Together, true> : block<Together, false>;
  if (!w.gather) return each(args, args.rows, 0, args.m);
  std::uint8_t* buffer = args.scratch != nullptr ? args.scratch : scratch(kGatherRows * w.quads * 4);
  const std::uint8_t* dense[kGatherRows];
  for (std::int64_t m = 0; m < args.m; m += kGatherRows) {
    const std::int64_t count = args.m - m < kGatherRows ? args.m - m : kGatherRows;
    gather(w, args.rows + m * w.taps, count, buffer, dense);
    each(args, dense, m, count);
  }
}

}  // namespace

void run_avx2_w8(const QGemmArgs& args) { run<8>(args); }
void run_avx2_w16(const QGemmArgs& args) { run<4>(args); }
void run_avx2_w32(const QGemmArgs& args) { run<2>(args); }
void run_avx2_w64(const QGemmArgs& args) { run<1>(args); }

}  // namespace bitsieve::qgemm
