// Arm with dot products: sdot takes one quad of a row out of a vector of four of them, times 4 columns.
#include <arm_neon.h>

#include "kernels/qgemm/internal.h"
#include "kernels/store_neon.h"
#include "kernels/unroll.h"

namespace bitsieve::qgemm {
namespace {

constexpr int tile_rows = 4;  // 16 accumulators, 4 vectors of weights, 4 of rows: 24 of 32 registers

// sdot multiplies s8 only, so u8 bytes are taken less 128, and sums start from the bias plus 128 * sum of weights.
template <int Rows, bool Signed>
void tile(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m, std::int64_t n) {
  const QGemmView& w = args.weights;
  const std::int64_t taps = w.run_taps, quads = w.quads;
  const auto* weight = reinterpret_cast<const std::int8_t*>(w.data) + n / 16 * taps * quads * 64;
  const auto as_signed = [](uint8x16_t x) __attribute__((always_inline)) {
    return vreinterpretq_s8_u8(Signed ? x : veorq_u8(x, vdupq_n_u8(0x80)));
  };
  int32x4_t acc[Rows][4];
  repeat<4>([&](auto v) __attribute__((always_inline)) {
    const int32x4_t bias = vld1q_s32(w.bias + n + v * 4), less = vld1q_s32(w.bias_signed + n + v * 4);
    const int32x4_t start = Signed ? bias : vaddq_s32(bias, vsubq_s32(bias, less));
    repeat<Rows>([&](auto r) __attribute__((always_inline)) { acc[r][v] = start; });
  });
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::uint8_t* from[Rows];
    repeat<Rows>([&](auto r) __attribute__((always_inline)) { from[r] = rows[r * taps + t]; });
    std::int64_t q = 0;
    for (; q + 4 <= quads; q += 4) {
      int8x16_t x[Rows];
      repeat<Rows>([&](auto r) __attribute__((always_inline)) { x[r] = as_signed(vld1q_u8(from[r] + q * 4)); });
      repeat<4>([&](auto lane) __attribute__((always_inline)) {
        repeat<4>([&](auto v) __attribute__((always_inline)) {
          const int8x16_t b = vld1q_s8(weight + lane * 64 + v * 16);
          repeat<Rows>([&](auto r)
                           __attribute__((always_inline)) { acc[r][v] = vdotq_laneq_s32(acc[r][v], b, x[r], lane); });
        });
      });
      weight += 256;
    }
    for (; q < quads; ++q, weight += 64) {
      int8x16_t x[Rows];
      repeat<Rows>([&](auto r) __attribute__((always_inline)) {
        std::uint32_t quad;
        __builtin_memcpy(&quad, from[r] + q * 4, 4);
        x[r] = as_signed(vreinterpretq_u8_u32(vdupq_n_u32(quad)));
      });
      repeat<4>([&](auto v) __attribute__((always_inline)) {
        const int8x16_t b = vld1q_s8(weight + v * 16);
        repeat<Rows>([&](auto r) __attribute__((always_inline)) { acc[r][v] = vdotq_s32(acc[r][v], b, x[r]); });
      });
    }
  }
  const int count = w.n - n < 16 ? static_cast<int>(w.n - n) : 16;
  repeat<Rows>([&](auto r) __attribute__((always_inline)) {
    store_neon(args.epilogue, w.multiplier + n, acc[r], args.out, (m + r) * args.out_stride + n, count);
  });
}

// A template for each number of rows up to Rows, so that short tails (a linear layer has one row) cost what they need.
template <int Rows, bool Signed>
void tile_of(std::int64_t count, const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m,
             std::int64_t n) {
  if (count >= Rows) {
    tile<Rows, Signed>(args, rows, m, n);
  } else if constexpr (Rows > 1) {
    tile_of<Rows - 1, Signed>(count, args, rows, m, n);
  }
}

// Columns outside, rows inside: the panel of weights stays in the cache.
template <bool Signed>
void block(const QGemmArgs& args, const std::uint8_t* const* rows, std::int64_t m0, std::int64_t count) {
  for (std::int64_t n = 0; n < args.weights.n; n += 16) {
    // Rows are spread evenly over the tiles: a tile of one row would read all weights for it alone.
    for (std::int64_t m = 0, tiles = (count + tile_rows - 1) / tile_rows; tiles > 0; --tiles) {
      const std::int64_t some = (count - m + tiles - 1) / tiles;
      tile_of<tile_rows, Signed>(some, args, rows + m * args.weights.run_taps, m0 + m, n);
      m += some;
    }
  }
}

}  // namespace

void run_neon_dotprod(const QGemmArgs& args) {
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
