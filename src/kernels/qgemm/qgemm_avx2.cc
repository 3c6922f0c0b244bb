// AVX2: pmaddubsw on bytes, which saturates only where a pair of values is large: two of u8 whose sum is above 257, or
// 32767 divided by the largest weight they meet. s8 is multiplied by weights + 128, and so large above 128. Such pairs
// are few in most networks: they are taken out of the rows, and their products, in 16 bits, are what sums begin with. A
// block of rows with many of them is multiplied by pmaddwd, everything widened to 16 bits.
//
// Widened rows take a quarter more time: rows are widened once, into a block that stays in the second cache, and
// weights once for all rows of a block, into the first, and not in the inner loop: there two shuffles for four
// multiply-adds would take a fifth of the vector units. What is left for each two values of a row and 16 columns is two
// multiply-adds and two additions, with a broadcast that a load port does; with bytes it is one and a half of each,
// counted for as many values.
#include <immintrin.h>

#include "kernels/qgemm/internal.h"
#include "kernels/qgemm/products_avx2.h"
#include "kernels/qgemm/store_avx2.h"
#include "kernels/qgemm/widen_avx2.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

constexpr int tile_rows = product_rows;

constexpr std::int64_t most_quads = 160;  // of a part of a panel: 10 KiB as bytes, 20 KiB as int16

// A part of the sums, where not all of a panel's weights fit the first cache beside the rows: quads [first, last) of
// values. Sums in between are kept as [rows][16].
struct Part {
  std::int64_t first = 0, last = 0;
  bool begins = true, ends = true;
};

// The sums of 16 columns over all parts: body(part, its weights, as quads).
template <class Body>
void for_parts(const QGemmView& w, std::int64_t n, const Body& body) {
  const std::int64_t quads = w.run_taps * w.quads, parts = (quads + most_quads - 1) / most_quads;
  for (std::int64_t i = 0; i < parts; ++i) {
    const Part part{quads * i / parts, quads * (i + 1) / parts, i == 0, i + 1 == parts};
    body(part, w.data + (n / 16 * quads + part.first) * 64);
  }
}

// Values 2 * Half and 2 * Half + 1 of 8 columns' quads, as int16.
template <int Half>
__m256i widened_pair(__m256i quads) {
  constexpr char a = 2 * Half, b = 2 * Half + 1;
  const __m256i high =
      _mm256_setr_epi8(-1, a, -1, b, -1, a + 4, -1, b + 4, -1, a + 8, -1, b + 8, -1, a + 12, -1, b + 12, -1, a, -1, b,
                       -1, a + 4, -1, b + 4, -1, a + 8, -1, b + 8, -1, a + 12, -1, b + 12);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(quads, high), 8);
}

template <int Rows>
[[gnu::always_inline]] inline void begin_with(const std::int32_t* from, std::int64_t step, __m256i (&acc)[Rows][2]) {
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    acc[r][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + r * step));
    acc[r][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + r * step + 8));
  });
}

// Sums of a tile are stored where they are finished, and kept where they are not.
template <int Rows>
[[gnu::always_inline]] inline void end(const QGemmArgs& args, std::int64_t m, std::int64_t n, const Part& part,
                                       std::int32_t* sums, const __m256i (&acc)[Rows][2]) {
  if (part.ends) return store_tile(args, m, n, acc);
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16), acc[r][0]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16 + 8), acc[r][1]);
  });
}

// a: the widened rows, `width` values each. weight: of the part, widened.
template <int Rows>
void wide_tile(const QGemmArgs& args, const std::int16_t* a, std::int64_t width, const std::int16_t* weight,
               std::int64_t m, std::int64_t n, const Part& part, std::int32_t* sums) {
  __m256i acc[Rows][2];
  part.begins ? begin_with(args.weights.bias + n, 0, acc) : begin_with(sums, 16, acc);
  add_products<Rows>(a + part.first * 4, width, weight, (part.last - part.first) * 2, acc);
  end(args, m, n, part, sums, acc);
}

// So few rows that weights are widened on their way: they serve this tile only. a: the widened rows.
template <int Rows>
void lone_tile(const QGemmArgs& args, const std::int16_t* a, std::int64_t width, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t quads = w.run_taps * w.quads;
  const std::uint8_t* weight = w.data + n / 16 * quads * 64;
  __m256i acc[Rows][2];
  begin_with(w.bias + n, 0, acc);
  for (std::int64_t q = 0; q < quads; ++q, weight += 64, a += 4) {
    const __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight)),
                  b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 32));
    repeat<2>([&](auto half) __attribute__((always_inline)) {
      const __m256i pair0 = widened_pair<half>(b0), pair1 = widened_pair<half>(b1);
      repeat<Rows>([&](auto r) __attribute__((always_inline)) {
        int pair;
        __builtin_memcpy(&pair, a + r * width + half * 2, 4);
        const __m256i x = _mm256_set1_epi32(pair);
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(x, pair0));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(x, pair1));
      });
    });
  }
  store_tile(args, m, n, acc);
}

// Columns outside, rows inside: a panel of weights, or a part of it, stays in the first cache.
void wide_block(const QGemmArgs& args, const std::int16_t* a, std::int64_t width, std::int64_t m0, std::int64_t count) {
  if (count <= tile_rows) {
    for (std::int64_t n = 0; n < args.weights.n; n += 16)
      with_constant<tile_rows>(count, [&](auto rows) { lone_tile<rows>(args, a, width, m0, n); });
    return;
  }
  alignas(32) std::int32_t sums[wide_rows_most * 16];
  alignas(64) std::int16_t weights[most_quads * 64];
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    for_parts(args.weights, n, [&](const Part& part, const std::uint8_t* quads) {
      auto* to = reinterpret_cast<__m256i*>(weights);
      for (std::int64_t q = part.first; q < part.last; ++q, quads += 64, to += 4) {
        const __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(quads)),
                      b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(quads + 32));
        _mm256_store_si256(to, widened_pair<0>(b0));
        _mm256_store_si256(to + 1, widened_pair<0>(b1));
        _mm256_store_si256(to + 2, widened_pair<1>(b0));
        _mm256_store_si256(to + 3, widened_pair<1>(b1));
      }
      spread_rows<tile_rows>(count, [&](std::int64_t m, auto rows) {
        wide_tile<rows>(args, a + m * width, width, weights, m0 + m, n, part, sums + m * 16);
      });
    });
  }
}

// Rows as bytes, `width` each, without the pairs of values that are in `large`. s8 is multiplied by weights + 128,
// since pmaddubsw wants one operand unsigned; 128 times a row's sum has to be taken away again.
struct ByteRows {
  std::uint8_t* bytes;
  std::int64_t width;
  LargePair* large;
  std::int64_t large_count;
  std::int32_t* extra;  // of every row: 128 times its sum, or 0
};

// a, extra: of the first row.
template <int Rows, bool Signed>
void byte_tile(const QGemmArgs& args, const std::uint8_t* a, std::int64_t width, const std::int32_t* extra,
               const std::uint8_t* weight, std::int64_t m, std::int64_t n, const Part& part, bool from_sums,
               std::int32_t* sums) {
  const __m256i ones = _mm256_set1_epi16(1), flip = _mm256_set1_epi8(-128);
  __m256i acc[Rows][2];
  if (from_sums) {
    begin_with(sums, 16, acc);
  } else {
    begin_with(args.weights.bias + n, 0, acc);
    if constexpr (Signed) {
      repeat<Rows>([&](auto r) __attribute__((always_inline)) {
        const __m256i more = _mm256_set1_epi32(extra[r]);
        acc[r][0] = _mm256_sub_epi32(acc[r][0], more);
        acc[r][1] = _mm256_sub_epi32(acc[r][1], more);
      });
    }
  }
  a += part.first * 4;
  for (std::int64_t q = part.first; q < part.last; ++q, weight += 64, a += 4) {
    __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight)),
            b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weight + 32));
    if constexpr (Signed) {
      b0 = _mm256_xor_si256(b0, flip);
      b1 = _mm256_xor_si256(b1, flip);
    }
    repeat<Rows>([&](auto r) __attribute__((always_inline)) {
      int quad;
      __builtin_memcpy(&quad, a + r * width, 4);
      const __m256i x = _mm256_set1_epi32(quad);
      const __m256i y0 = Signed ? _mm256_maddubs_epi16(b0, x) : _mm256_maddubs_epi16(x, b0),
                    y1 = Signed ? _mm256_maddubs_epi16(b1, x) : _mm256_maddubs_epi16(x, b1);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(y0, ones));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(y1, ones));
    });
  }
  end(args, m, n, part, sums, acc);
}

// sums[row][16] = bias - extra + the products of the large pairs.
[[gnu::noinline]] void begin_sums(const QGemmArgs& args, const ByteRows& rows, std::int64_t count, std::int64_t n,
                                  std::int32_t* sums) {
  const QGemmView& w = args.weights;
  const __m256i bias0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.bias + n)),
                bias1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.bias + n + 8));
  for (std::int64_t m = 0; m < count; ++m) {
    const __m256i more = _mm256_set1_epi32(rows.extra[m]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums + m * 16), _mm256_sub_epi32(bias0, more));
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums + m * 16 + 8), _mm256_sub_epi32(bias1, more));
  }
  const std::uint8_t* const panel = w.data + n / 16 * w.run_taps * w.quads * 64;
  for (std::int64_t i = 0; i < rows.large_count; ++i) {
    const LargePair& large = rows.large[i];
    const auto* quads = reinterpret_cast<const __m256i*>(panel + large.pair / 2 * 64);
    auto* to = reinterpret_cast<__m256i*>(sums + large.row * 16);
    // The pair comes first, whichever half of the quads it is.
    const __m128i down = _mm_cvtsi32_si128(large.pair % 2 * 16);
    const __m256i x = _mm256_set1_epi32(large.values);
    const __m256i b0 = widened_pair<0>(_mm256_srl_epi32(quads[0], down)),
                  b1 = widened_pair<0>(_mm256_srl_epi32(quads[1], down));
    to[0] = _mm256_add_epi32(to[0], _mm256_madd_epi16(x, b0));
    to[1] = _mm256_add_epi32(to[1], _mm256_madd_epi16(x, b1));
  }
}

template <bool Signed>
void byte_block(const QGemmArgs& args, const ByteRows& rows, std::int64_t m0, std::int64_t count) {
  alignas(32) std::int32_t sums[wide_rows_most * 16];
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    if (rows.large_count > 0) begin_sums(args, rows, count, n, sums);
    for_parts(args.weights, n, [&](const Part& part, const std::uint8_t* quads) {
      const bool from_sums = rows.large_count > 0 || !part.begins;
      spread_rows<tile_rows>(count, [&](std::int64_t m, auto some) {
        byte_tile<some, Signed>(args, rows.bytes + m * rows.width, rows.width, rows.extra + m, quads, m0 + m, n, part,
                                from_sums, sums + m * 16);
      });
    });
  }
}

// Takes the pairs of a row out of it that could saturate; false when there are more than there is room for.
template <bool Signed>
bool set_aside(const std::int16_t* most, std::int64_t row, std::int64_t room, ByteRows& rows) {
  const __m256i ones8 = _mm256_set1_epi8(1), ones16 = _mm256_set1_epi16(1);
  std::uint8_t* const bytes = rows.bytes + row * rows.width;
  const auto too_large = [&](std::int64_t i) __attribute__((always_inline)) {
    const __m256i x = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + i));
    const __m256i sums = _mm256_maddubs_epi16(Signed ? _mm256_abs_epi8(x) : x, ones8);
    return _mm256_cmpgt_epi16(sums, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(most + i / 2)));
  };
  __m256i any = _mm256_setzero_si256(), sum = _mm256_setzero_si256();
  for (std::int64_t i = 0; i < rows.width; i += 32) {
    any = _mm256_or_si256(any, too_large(i));
    if constexpr (Signed) {
      const __m256i x = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + i));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(ones8, x), ones16));
    }
  }
  std::uint32_t extra = 0;  // wraps, as all sums may on their way
  if constexpr (Signed) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    extra = 128 * (static_cast<std::uint32_t>(_mm_cvtsi128_si32(half)) +
                   static_cast<std::uint32_t>(_mm_extract_epi32(half, 1)));
  }
  if (!_mm256_testz_si256(any, any)) {
    for (std::int64_t i = 0; i < rows.width; i += 32) {
      auto found = static_cast<unsigned>(_mm256_movemask_epi8(too_large(i))) & 0x55555555u;
      for (; found != 0; found &= found - 1) {
        if (rows.large_count == room) return false;
        std::uint8_t* const pair = bytes + i + __builtin_ctz(found);
        const int a = Signed ? static_cast<std::int8_t>(pair[0]) : pair[0],
                  b = Signed ? static_cast<std::int8_t>(pair[1]) : pair[1];
        rows.large[rows.large_count++] = {static_cast<std::int32_t>(row), static_cast<std::int32_t>((pair - bytes) / 2),
                                          static_cast<std::int32_t>((a & 0xffff) | static_cast<unsigned>(b) << 16)};
        if (Signed) extra -= 128u * static_cast<std::uint32_t>(a + b);
        pair[0] = pair[1] = 0;
      }
    }
  }
  rows.extra[row] = static_cast<std::int32_t>(extra);
  return true;
}

// `count` bytes; neither is one more read nor written. The last vector overlaps the one before.
void copy(const std::uint8_t* from, std::int64_t count, std::uint8_t* to) {
  const auto sixteen = [&](std::int64_t at) __attribute__((always_inline)) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at)));
  };
  if (count >= 16) {
    std::int64_t i = 0;
    for (; i + 16 <= count; i += 16) sixteen(i);
    if (i < count) sixteen(count - 16);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

bool gathers(const QGemmView& w) { return w.gather && w.depth < 8; }  // taps of a few bytes

// Rows [m, m + count) as bytes; false when they hold too many large pairs.
bool take_bytes(const QGemmArgs& args, std::int64_t m, std::int64_t count, ByteRows& rows) {
  const QGemmView& w = args.weights;
  const std::int64_t k = w.taps * w.depth;
  for (std::int64_t r = 0; r < count; ++r) {
    const std::uint8_t* const* from = args.rows + (m + r) * w.taps;
    std::uint8_t* const to = rows.bytes + r * rows.width;
    const std::uint8_t* dense = nullptr;
    // What is beyond the values meets zero weights; zeroed to be defined.
    for (std::int64_t i = rows.width - 32; i >= 0 && i + 32 > k; i -= 32)
      _mm256_store_si256(reinterpret_cast<__m256i*>(to + i), _mm256_setzero_si256());
    if (gathers(w)) {
      gather(w, from, 1, to, &dense);
    } else {
      for (std::int64_t t = 0; t < w.taps; ++t) copy(from[t], w.depth, to + t * w.depth);
    }
    const std::int64_t room = most_large_pairs(w, r + 1);  // so that rows which hold many end this soon
    if (args.signed_input ? !set_aside<true>(w.most_of_signed_pair, r, room, rows)
                          : !set_aside<false>(w.most_of_pair, r, room, rows))
      return false;
  }
  return true;
}

// Rows [m, m + count) as int16. bytes: room for one as bytes.
void take_wide(const QGemmArgs& args, std::int64_t m, std::int64_t count, std::int64_t width, std::uint8_t* bytes,
               std::int16_t* rows) {
  const QGemmView& w = args.weights;
  const std::int64_t k = w.taps * w.depth, padded = (k + 3) / 4 * 4;
  for (std::int64_t r = 0; r < count; ++r) {
    const std::uint8_t* const* from = args.rows + (m + r) * w.taps;
    std::int16_t* const to = rows + r * width;
    const std::uint8_t* dense = nullptr;
    if (gathers(w)) {
      gather(w, from, 1, bytes, &dense);
      widen(dense, padded, args.signed_input, to);
      continue;
    }
    for (std::int64_t t = 0; t < w.taps; ++t) widen(from[t], w.depth, args.signed_input, to + t * w.depth);
    for (std::int64_t i = k; i < padded; ++i) to[i] = 0;  // meets zero weights; zeroed to be defined
  }
}

}  // namespace

void run_avx2(const QGemmArgs& args) {
  const ClearUpper clear;
  const QGemmView& w = args.weights;
  // Blocks of about as many rows: a short one would read all weights for little.
  const std::int64_t width = wide_width(w), blocks = (args.m + wide_rows(w) - 1) / wide_rows(w),
                     together = blocks < 2 ? args.m : (args.m + blocks - 1) / blocks;
  std::uint8_t* const buffer = args.scratch != nullptr ? args.scratch : scratch(qgemm_scratch_bytes(w));
  const bool large_enough = bytes_pay(w.n, w.taps * w.depth);
  for (std::int64_t m = 0; m < args.m; m += together) {
    const std::int64_t count = args.m - m < together ? args.m - m : together;
    auto* const large = reinterpret_cast<LargePair*>(buffer + count * width);
    ByteRows rows{buffer, width, large, 0, reinterpret_cast<std::int32_t*>(large + most_large_pairs(w, count))};
    if (large_enough && take_bytes(args, m, count, rows)) {
      args.signed_input ? byte_block<true>(args, rows, m, count) : byte_block<false>(args, rows, m, count);
    } else {
      auto* const wide = reinterpret_cast<std::int16_t*>(buffer);
      take_wide(args, m, count, width, buffer + wide_bytes(w), wide);
      wide_block(args, wide, width, m, count);
    }
  }
}

}  // namespace bitsieve::qgemm
