// AVX2: the sixteen bytes of a group fill a lane of 128 bits. One pshufb with places that belong to 8 output channels
// picks the two bytes that each of them keeps, and zeros between: pairs of int16 for pmaddwd. So a group of four and 8
// output channels take three operations on vectors, where the dense product takes four.
//
// For expansion sixteen inputs lie in both halves of a vector; two groups become one vector of bytes.
#include <immintrin.h>

#include "kernels/qgemm/store_avx2.h"
#include "kernels/two_of_four/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::two_of_four {
namespace {

struct Shuffle {
  __m256i value, partner;

  // For groups `first` and `first` + 1.
  explicit Shuffle(int first) {
    alignas(32) std::uint8_t v[32], p[32];
    for (int i = 0; i < 32; ++i) {
      const auto start = static_cast<std::uint8_t>(4 * (first + i / 16));
      v[i] = static_cast<std::uint8_t>(value_of[i % 16] + start);
      p[i] = partner_of[i % 16] == nothing ? nothing : static_cast<std::uint8_t>(partner_of[i % 16] + start);
    }
    value = _mm256_load_si256(reinterpret_cast<const __m256i*>(v));
    partner = _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
};

__m256i both_halves(const std::uint8_t* from) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

constexpr int tile_rows = 5;  // 10 accumulators, four lines of places and weights, the bytes, a product: 16 registers
constexpr std::int64_t block_rows = 96;

// A part of the sums, where not all of a panel's weights fit the first cache beside the rows: groups [first, last).
// Sums in between are kept as [rows][16].
struct Part {
  std::int64_t first = 0, last = 0;
  bool begins = true, ends = true;
};

template <int Rows, bool Signed>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n, const Part& part,
          std::int32_t* sums) {
  const QGemmView& w = args.weights;
  const std::int64_t taps = w.run_taps, groups = w.quads;
  const __m256i flip = _mm256_set1_epi8(-128);
  const std::uint8_t* weight = w.data + (n / 16 * taps * groups + part.first) * 128;
  __m256i acc[Rows][2];
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    const std::int32_t* const from = part.begins ? (Signed ? w.bias_signed : w.bias) + n : sums + r * 16;
    acc[r][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    acc[r][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8));
  });
  std::int64_t t = part.first / groups, q = part.first % groups;
  for (std::int64_t left = part.last - part.first; left > 0; ++t, q = 0) {
    const std::int64_t count = groups - q < left ? groups - q : left;
    const std::uint8_t* from[Rows];
    repeat<Rows>([&](auto r) __attribute__((always_inline)) { from[r] = rows[r * taps + t] + q * bytes_of_four; });
    for (std::int64_t i = 0; i < count * bytes_of_four; i += bytes_of_four, weight += 128) {
      const auto line = [&](int at) __attribute__((always_inline)) {
        return _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + at));
      };
      const __m256i place0 = line(0), weight0 = line(32), place1 = line(64), weight1 = line(96);
      repeat<Rows>([&](auto r) __attribute__((always_inline)) {
        __m256i x = both_halves(from[r] + i);
        if (Signed) x = _mm256_xor_si256(x, flip);
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(_mm256_shuffle_epi8(x, place0), weight0));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(_mm256_shuffle_epi8(x, place1), weight1));
      });
    }
    left -= count;
  }
  if (!part.ends) {
    repeat<Rows>([&](auto r) __attribute__((always_inline)) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16), acc[r][0]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16 + 8), acc[r][1]);
    });
    return;
  }
  qgemm::store_tile(args, m, n, acc);
}

// A template for each number of rows up to Rows, so that short tails (a linear layer has one row) cost what they need.
template <int Rows, bool Signed>
void tile_of(std::int64_t count, const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n,
             const Part& part, std::int32_t* sums) {
  if (count >= Rows) {
    tile<Rows, Signed>(args, rows, m, n, part, sums);
  } else if constexpr (Rows > 1) {
    tile_of<Rows - 1, Signed>(count, args, rows, m, n, part, sums);
  }
}

// Columns outside, rows inside: a panel of weights, or a part of it, stays in the first cache.
template <bool Signed>
void block(const QGemmArgs& args, std::int64_t m0, std::int64_t count) {
  constexpr std::int64_t most_groups = 160;  // 20 KiB
  const std::int64_t taps = args.weights.run_taps, groups = taps * args.weights.quads,
                     parts = count <= tile_rows ? 1 : (groups + most_groups - 1) / most_groups;
  alignas(32) std::int32_t sums[block_rows * 16];
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    for (std::int64_t i = 0; i < parts; ++i) {
      const Part part{groups * i / parts, groups * (i + 1) / parts, i == 0, i + 1 == parts};
      // Rows are spread evenly over the tiles: a tile of one row would read all weights for it alone.
      for (std::int64_t m = 0, tiles = (count + tile_rows - 1) / tile_rows; tiles > 0; --tiles) {
        const std::int64_t some = (count - m + tiles - 1) / tiles;
        tile_of<tile_rows, Signed>(some, args, args.rows + (m0 + m) * taps, m0 + m, n, part, sums + m * 16);
        m += some;
      }
    }
  }
}

}  // namespace

void run_avx2(const QGemmArgs& args) {
  for (std::int64_t m = 0; m < args.m; m += block_rows) {
    const std::int64_t count = args.m - m < block_rows ? args.m - m : block_rows;
    args.signed_input ? block<true>(args, m, count) : block<false>(args, m, count);
  }
}

void expand_avx2(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out) {
  const Shuffle shuffles[2] = {Shuffle(0), Shuffle(2)};
  const std::int64_t alone = planes.alone ? 2 * planes.distance : 0;
  std::int64_t g = 0;
  for (; g + 4 <= groups; g += 4) {
    const std::uint8_t* const from = planes.value + 4 * g;
    const __m256i x = both_halves(from), code = both_halves(from + planes.distance), lone = both_halves(from + alone);
    for (const Shuffle& s : shuffles) {
      const __m256i zero = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(x, s.partner), _mm256_setzero_si256());
      _mm256_storeu_si256(
          reinterpret_cast<__m256i*>(out),
          _mm256_blendv_epi8(_mm256_shuffle_epi8(code, s.value), _mm256_shuffle_epi8(lone, s.value), zero));
      out += 32;
    }
  }
  expand_portable({planes.value + 4 * g, planes.distance, planes.alone}, groups - g, out);
}

}  // namespace bitsieve::two_of_four
