// AVX2: pmaddwd on transformed inputs and weights. Inputs are transformed once for all columns. Weights stay bytes in
// memory, where transformed ones would take 3.6 times as much, and are transformed once for all tiles of a call.
#include <immintrin.h>

#include "kernels/qgemm/products_avx2.h"
#include "kernels/qgemm/store_avx2.h"
#include "kernels/unroll.h"
#include "kernels/winograd/internal.h"

namespace bitsieve::winograd {
namespace {

constexpr std::int64_t weights_apart = odd(most_pairs) * 32;  // values between positions

constexpr int tile_rows = qgemm::product_rows;

__m256i add(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }
__m256i sub(__m256i a, __m256i b) { return _mm256_sub_epi16(a, b); }

template <bool Signed>
__m256i widened(const std::uint8_t* bytes) {
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  return Signed ? _mm256_cvtepi8_epi16(x) : _mm256_cvtepu8_epi16(x);
}

// The first step of B^T d B: a column of four pixels.
template <bool Signed>
[[gnu::always_inline]] inline void column(const std::uint8_t* const (&rows)[4], std::int64_t at, __m256i (&to)[4]) {
  const __m256i d0 = widened<Signed>(rows[0] + at), d1 = widened<Signed>(rows[1] + at),
                d2 = widened<Signed>(rows[2] + at), d3 = widened<Signed>(rows[3] + at);
  to[0] = sub(d0, d2);
  to[1] = add(d1, d2);
  to[2] = sub(d2, d1);
  to[3] = sub(d1, d3);
}

// B^T d B of the tiles, as [position][odd(tiles)][width]. Two of a tile's columns are those of the tile before.
template <bool Signed>
[[gnu::noinline]] void transform_inputs(const WinogradArgs& args, std::int64_t width, std::int16_t* to) {
  const std::int64_t apart = odd(args.end - args.begin) * width, depth = args.weights.depth,
                     across = (args.out_width + 1) / 2;
  for (std::int64_t i = args.begin; i < args.end;) {
    const std::int64_t y = i / across * 2 - args.first_row, x0 = i % across;
    const std::int64_t last = args.end - i < across - x0 ? x0 + args.end - i : across;
    const std::uint8_t* rows[4];
    repeat<4>([&](auto r) __attribute__((always_inline)) {
      const std::int64_t at = y + r < args.height ? y + r : args.height - 1;
      rows[r] = args.image + at * args.width * depth;
    });
    for (std::int64_t c = 0; c < depth; c += 16) {
      const std::int64_t channel = depth - c < 16 ? depth - 16 : c;  // the last vector overlaps the one before
      std::int16_t* tile = to + (i - args.begin) * width + channel;
      const auto at = [&](std::int64_t x) __attribute__((always_inline)) {
        return (x < args.width ? x : args.width - 1) * depth + channel;
      };
      __m256i a[4], b[4], e[4], f[4];
      column<Signed>(rows, at(x0 * 2), a);
      column<Signed>(rows, at(x0 * 2 + 1), b);
      for (std::int64_t x = x0; x < last; ++x, tile += width) {
        column<Signed>(rows, at(x * 2 + 2), e);
        column<Signed>(rows, at(x * 2 + 3), f);
        repeat<4>([&](auto r) __attribute__((always_inline)) {
          const auto put = [&](int position, __m256i value) __attribute__((always_inline)) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(tile + (r * 4 + position) * apart), value);
          };
          put(0, sub(a[r], e[r]));
          put(1, add(b[r], e[r]));
          put(2, sub(e[r], b[r]));
          put(3, sub(b[r], f[r]));
          a[r] = e[r];
          b[r] = f[r];
        });
      }
    }
    i += last - x0;
  }
}

// 2 G g.
[[gnu::always_inline]] inline void spread(__m256i g0, __m256i g1, __m256i g2, __m256i (&to)[4]) {
  const __m256i ends = add(g0, g2);
  to[0] = add(g0, g0);
  to[1] = add(ends, g1);
  to[2] = sub(ends, g1);
  to[3] = add(g2, g2);
}

// 2 G g 2 G^T of some pairs of channels, as [position][odd(most_pairs)][16 columns][2].
[[gnu::noinline]] void transform_weights(const std::uint8_t* bytes, std::int64_t pairs, std::int16_t* to) {
  for (std::int64_t p = 0; p < pairs; ++p, bytes += pair_bytes, to += 32) {
    repeat<2>([&](auto half) __attribute__((always_inline)) {
      __m256i columns[3][4];
      repeat<3>([&](auto x) __attribute__((always_inline)) {
        const auto tap = [&](int y) __attribute__((always_inline)) {
          return widened<true>(bytes + (y * 3 + x) * 32 + half * 16);
        };
        spread(tap(0), tap(1), tap(2), columns[x]);
      });
      repeat<4>([&](auto y) __attribute__((always_inline)) {
        __m256i row[4];
        spread(columns[0][y], columns[1][y], columns[2][y], row);
        repeat<4>([&](auto x) __attribute__((always_inline)) {
          _mm256_store_si256(reinterpret_cast<__m256i*>(to + (y * 4 + x) * weights_apart + half * 16), row[x]);
        });
      });
    });
  }
}

// sums[row][16] of one position: += the product over `pairs` of Rows tiles, `rounds` times; begun with `first`, or with
// what is there.
template <int Rows>
[[gnu::noinline]] void product(const std::int16_t* a, std::int64_t width, const std::int16_t* weight,
                               std::int64_t pairs, const __m256i* first, std::int32_t* sums, std::int64_t rounds) {
  for (; rounds > 0; --rounds, a += Rows * width, sums += Rows * 16) {
    __m256i acc[Rows][2];
    repeat<Rows>([&](auto r) __attribute__((always_inline)) {
      const __m256i* const from = first != nullptr ? first : reinterpret_cast<const __m256i*>(sums + r * 16);
      acc[r][0] = _mm256_load_si256(from);
      acc[r][1] = _mm256_load_si256(from + 1);
    });
    qgemm::add_products<Rows>(a, width, weight, pairs, acc);
    repeat<Rows>([&](auto r) __attribute__((always_inline)) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(sums + r * 16), acc[r][0]);
      _mm256_store_si256(reinterpret_cast<__m256i*>(sums + r * 16 + 8), acc[r][1]);
    });
  }
}

// What a product of one position multiplies, and where it is in it.
struct Product {
  const std::int16_t* inputs;
  std::int64_t width;
  const std::int16_t* weights;
  std::int64_t pairs;
  const __m256i* first;
  std::int32_t* sums;

  template <int Rows>
  void advance(std::int64_t rounds) {
    product<Rows>(inputs, width, weights, pairs, first, sums, rounds);
    inputs += rounds * Rows * width;
    sums += rounds * Rows * 16;
  }
};

// Tiles are spread evenly over the rounds: a round of one would read all weights for it alone.
void multiply(Product p, std::int64_t tiles) {
  const std::int64_t rounds = (tiles + tile_rows - 1) / tile_rows, rows = (tiles + rounds - 1) / rounds,
                     fewer = rounds * rows - tiles;  // rounds with a row less
  with_constant<tile_rows>(rows, [&](auto some) { p.advance<some>(rounds - fewer); });
  if (fewer > 0) with_constant<tile_rows>(rows - 1, [&](auto some) { p.advance<some>(fewer); });
}

// A^T of four sums.
[[gnu::always_inline]] inline void gathered(__m256i m0, __m256i m1, __m256i m2, __m256i m3, __m256i& y0, __m256i& y1) {
  y0 = _mm256_add_epi32(_mm256_add_epi32(m0, m1), m2);
  y1 = _mm256_sub_epi32(_mm256_sub_epi32(m1, m2), m3);
}

// A^T M A / 4 of every tile, and what becomes of finished sums. sums: [position][odd(tiles)][16].
[[gnu::noinline]] void transform_outputs(const WinogradArgs& args, const std::int32_t* sums, std::int64_t n) {
  const QGemmArgs to{0, nullptr, args.weights, args.signed_input, args.epilogue, args.out, args.out_stride, nullptr};
  const std::int64_t across = (args.out_width + 1) / 2, tiles = args.end - args.begin;
  for (std::int64_t i = 0; i < tiles; ++i, sums += 16) {
    const std::int64_t y = (args.begin + i) / across * 2, x = (args.begin + i) % across * 2,
                       pixel = y * args.out_width + x;
    __m256i out[2][2][2];
    repeat<2>([&](auto half) __attribute__((always_inline)) {
      __m256i rows[2][4];
      repeat<4>([&](auto column) __attribute__((always_inline)) {
        const auto sum = [&](int row) __attribute__((always_inline)) {
          return _mm256_load_si256(
              reinterpret_cast<const __m256i*>(sums + (row * 4 + column) * odd(tiles) * 16 + half * 8));
        };
        gathered(sum(0), sum(1), sum(2), sum(3), rows[0][column], rows[1][column]);
      });
      repeat<2>([&](auto row) __attribute__((always_inline)) {
        __m256i left, right;
        gathered(rows[row][0], rows[row][1], rows[row][2], rows[row][3], left, right);
        out[row][0][half] = _mm256_srai_epi32(left, 2);
        out[row][1][half] = _mm256_srai_epi32(right, 2);
      });
    });
    for (int row = 0; row < 2 && y + row < args.out_height; ++row) {
      if (x + 1 < args.out_width) {
        qgemm::store_tile<2>(to, pixel + row * args.out_width, n, out[row]);
      } else {
        const __m256i alone[1][2] = {{out[row][0][0], out[row][0][1]}};
        qgemm::store_tile<1>(to, pixel + row * args.out_width, n, alone);
      }
    }
  }
}

}  // namespace

void run_avx2(const WinogradArgs& args) {
  const ClearUpper clear;
  const QGemmView& w = args.weights;
  const std::int64_t tiles = args.end - args.begin, width = tile_width(w), pairs = w.depth / 2;
  const std::int64_t rows = odd(tiles);
  auto* const inputs = reinterpret_cast<std::int16_t*>(args.scratch);
  auto* const sums = reinterpret_cast<std::int32_t*>(args.scratch + positions * rows * width * 2);
  auto* const weights = reinterpret_cast<std::int16_t*>(sums + positions * rows * 16);
  if (args.signed_input) {
    transform_inputs<true>(args, width, inputs);
  } else {
    transform_inputs<false>(args, width, inputs);
  }
  const std::int64_t parts = (pairs + most_pairs - 1) / most_pairs;
  for (std::int64_t n = 0; n < w.n; n += 16) {
    // The sum at (1, 1) is a term of all four outputs.
    const auto bias = [&](int half) {
      return _mm256_slli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.bias + n + half * 8)), 2);
    };
    const __m256i zeros[2] = {}, biases[2] = {bias(0), bias(1)};
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t first = pairs * part / parts, some_pairs = pairs * (part + 1) / parts - first;
      transform_weights(w.data + (n / 16 * pairs + first) * pair_bytes, some_pairs, weights);
      // The weights that come next are fetched while these are multiplied.
      const std::uint8_t* const next = w.data + (n / 16 * pairs + first + some_pairs) * pair_bytes;
      const std::int64_t fetched = n + 16 < w.n || part + 1 < parts ? some_pairs * pair_bytes : 0;
      for (std::int64_t p = 0; p < positions; ++p) {
        for (std::int64_t i = fetched * p / positions; i < fetched * (p + 1) / positions; i += 64)
          _mm_prefetch(reinterpret_cast<const char*>(next + i), _MM_HINT_T1);
        const __m256i* const from = part > 0 ? nullptr : p == 5 ? biases : zeros;
        multiply({inputs + p * rows * width + first * 2, width, weights + p * weights_apart, some_pairs, from,
                  sums + p * rows * 16},
                 tiles);
      }
    }
    transform_outputs(args, sums, n);
  }
}

}  // namespace bitsieve::winograd
