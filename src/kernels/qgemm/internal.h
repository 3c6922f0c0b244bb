// Parts of the qgemm kernels that are compiled for the baseline machine.
#pragma once
#include "kernels/qgemm/qgemm.h"

namespace bitsieve::qgemm {

// Sizes and the padded arrays of the columns, common to all layouts; neither lines nor data.
QGemmWeights prepare(const QGemmSource& source);

QGemmWeights pack_rows16(const QGemmSource& source);             // int16 [n][taps * depth]
QGemmWeights pack_vnni4(const QGemmSource& source);              // per 16 columns, per quad: one line of int8 quads
QGemmWeights pack_vnni4_with_limits(const QGemmSource& source);  // and QGemmView::most_of_pair

// Rows gathered at a time: a common multiple of the row tiles.
inline constexpr int kGatherRows = 48;

// Rows of int16, or of bytes, for kernels that copy them: how many of how many values are made at a time, and the bytes
// of those of int16. Rows do not lie at multiples of 4096 bytes, where they would share their places in the first
// cache.
inline constexpr int wide_rows_most = 96;
std::int64_t wide_width(const QGemmView& view);
std::int64_t wide_rows(const QGemmView& view);
std::int64_t wide_bytes(const QGemmView& view);

// Pairs of values that are multiplied apart from the others of a block of rows, because their products might saturate.
struct LargePair {
  std::int32_t row, pair;  // of the block; of the row
  std::int32_t values;     // two of 16 bits
};

// Whether bytes are tried at all: with few columns or short rows of k values looking at a row costs what is saved.
bool bytes_pay(std::int64_t n, std::int64_t k);

// How many of them a block of `rows` rows may have before it is multiplied in 16 bits instead, and the bytes that such
// a block takes at most: rows of wide_width() bytes, large pairs, and a sum for each row.
std::int64_t most_large_pairs(const QGemmView& view, std::int64_t rows);
std::int64_t byte_block_bytes(const QGemmView& view);

// A buffer of this thread, 64-byte aligned, valid until its next call.
std::uint8_t* scratch(std::int64_t bytes);

// Writes `count` (<= kGatherRows) dense rows of quads * 4 bytes to `buffer` and their addresses to `dense`.
void gather(const QGemmView& view, const std::uint8_t* const* rows, std::int64_t count, std::uint8_t* buffer,
            const std::uint8_t** dense);

void run_portable(const QGemmArgs& args);
void run_avx2(const QGemmArgs& args);
void run_avx2_w8(const QGemmArgs& args);
void run_avx2_w16(const QGemmArgs& args);
void run_avx2_w32(const QGemmArgs& args);
void run_avx2_w64(const QGemmArgs& args);
void run_avxvnni(const QGemmArgs& args);
void run_avx512vnni(const QGemmArgs& args);
void run_neon_dotprod(const QGemmArgs& args);

}  // namespace bitsieve::qgemm
