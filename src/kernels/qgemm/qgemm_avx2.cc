// AVX2: bytes widened to int16 for pmaddwd; pmaddubsw would saturate.
//
// Rows are widened once, into a block that stays in the second cache, and weights once for all rows of a block, into
// the first, and not in the inner loop: there two shuffles for four multiply-adds would take a fifth of the vector
// units. What is left for each two values of a row and 16 columns is two multiply-adds and two additions, with a
// broadcast that a load port does. In memory weights are bytes: half as much to keep and to fetch. Where they serve one
// tile of rows only, as in a linear layer, they are widened on their way.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/qgemm/products_avx2.h"
#include "kernels/qgemm/store_avx2.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

constexpr int tile_rows = product_rows;

constexpr std::int64_t most_pairs = 320;  // of a part of a panel: 20 KiB as int16

// A part of the sums, where not all of a panel's weights fit the first cache beside the rows: pairs [first, last) of
// values. Sums in between are kept as [rows][16].
struct Part {
  std::int64_t first = 0, last = 0;
  bool begins = true, ends = true;
};

// Bytes of 16 columns from pair `first` on.
const std::uint8_t* panel(const QGemmView& w, std::int64_t n, std::int64_t first) {
  return w.data + (n / 16 * w.run_taps * w.quads * 2 + first) * 32;
}

// a: the widened rows, `width` values each. weight: of the part, as bytes or widened to 16 bits.
template <int Rows, bool Bytes>
void tile(const QGemmArgs& args, const std::int16_t* a, std::int64_t width, const std::uint8_t* weight, std::int64_t m,
          std::int64_t n, const Part& part, std::int32_t* sums) {
  const QGemmView& w = args.weights;
  __m256i acc[Rows][2];
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    const std::int32_t* const from = part.begins ? w.bias + n : sums + r * 16;
    acc[r][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    acc[r][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8));
  });
  add_products<Rows, Bytes>(a + part.first * 2, width, weight, part.last - part.first, acc);
  if (!part.ends) {
    repeat<Rows>([&](auto r) __attribute__((always_inline)) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16), acc[r][0]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16 + 8), acc[r][1]);
    });
    return;
  }
  store_tile(args, m, n, acc);
}

// Columns outside, rows inside: a panel of weights, or a part of it, stays in the first cache.
void block(const QGemmArgs& args, const std::int16_t* a, std::int64_t width, std::int64_t m0, std::int64_t count) {
  const std::int64_t pairs = args.weights.run_taps * args.weights.quads * 2,
                     parts = (pairs + most_pairs - 1) / most_pairs;
  if (count <= tile_rows) {
    const Part whole{0, pairs};
    for (std::int64_t n = 0; n < args.weights.n; n += 16)
      with_constant<tile_rows>(count, [&](auto rows) {
        tile<rows, true>(args, a, width, panel(args.weights, n, 0), m0, n, whole, nullptr);
      });
    return;
  }
  alignas(32) std::int32_t sums[wide_rows_most * 16];
  alignas(64) std::uint8_t wide[most_pairs * 64];
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    for (std::int64_t i = 0; i < parts; ++i) {
      const Part part{pairs * i / parts, pairs * (i + 1) / parts, i == 0, i + 1 == parts};
      const std::uint8_t* const bytes = panel(args.weights, n, part.first);
      for (std::int64_t at = 0; at < (part.last - part.first) * 2; ++at)
        _mm256_store_si256(reinterpret_cast<__m256i*>(wide + at * 32), widened(bytes + at * 16));
      spread_rows<tile_rows>(count, [&](std::int64_t m, auto rows) {
        tile<rows, false>(args, a + m * width, width, wide, m0 + m, n, part, sums + m * 16);
      });
    }
  }
}

__m256i wide(__m128i bytes, bool is_signed) {
  return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

// `count` bytes; neither is one more read, nor one value more written. The last vector overlaps the one before.
void widen(const std::uint8_t* from, std::int64_t count, bool is_signed, std::int16_t* to) {
  const auto sixteen = [&](std::int64_t at) __attribute__((always_inline)) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at),
                        wide(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at)), is_signed));
  };
  const auto eight = [&](std::int64_t at) __attribute__((always_inline)) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), _mm256_castsi256_si128(wide(bytes, is_signed)));
  };
  if (count >= 16) {
    std::int64_t i = 0;
    for (; i + 16 <= count; i += 16) sixteen(i);
    if (i < count) sixteen(count - 16);
  } else if (count >= 8) {
    eight(0);
    if (count > 8) eight(count - 8);
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      to[i] = static_cast<std::int16_t>(is_signed ? static_cast<std::int8_t>(from[i]) : from[i]);
  }
}

}  // namespace

void run_avx2(const QGemmArgs& args) {
  const QGemmView& w = args.weights;
  const std::int64_t width = wide_width(w), k = w.taps * w.depth, padded = (k + 3) / 4 * 4;
  // Blocks of about as many rows: a short one would widen all weights for little.
  const std::int64_t blocks = (args.m + wide_rows(w) - 1) / wide_rows(w),
                     together = blocks < 2 ? args.m : (args.m + blocks - 1) / blocks;
  std::uint8_t* const buffer = args.scratch != nullptr ? args.scratch : scratch(qgemm_scratch_bytes(w));
  auto* const wide = reinterpret_cast<std::int16_t*>(buffer);
  std::uint8_t* const bytes = buffer + wide_bytes(w);
  const std::uint8_t* dense = nullptr;
  const bool gathers = w.gather && w.depth < 8;  // taps of a few bytes
  for (std::int64_t m = 0; m < args.m; m += together) {
    const std::int64_t count = args.m - m < together ? args.m - m : together;
    for (std::int64_t r = 0; r < count; ++r) {
      const std::uint8_t* const* rows = args.rows + (m + r) * w.taps;
      std::int16_t* to = wide + r * width;
      if (gathers) {
        gather(w, rows, 1, bytes, &dense);
        widen(dense, padded, args.signed_input, to);
        continue;
      }
      for (std::int64_t t = 0; t < w.taps; ++t) widen(rows[t], w.depth, args.signed_input, to + t * w.depth);
      for (std::int64_t i = k; i < padded; ++i) to[i] = 0;  // meets zero weights; zeroed to be defined
    }
    block(args, wide, width, m, count);
  }
}

}  // namespace bitsieve::qgemm
