// Parts of the Winograd kernels that are compiled for the baseline machine.
#pragma once
#include "kernels/winograd/winograd.h"

namespace bitsieve::winograd {

inline constexpr std::int64_t positions = 16;  // of a transformed tile

// Per 16 columns, per pair of channels: the nine taps, each two bytes for every column.
QGemmWeights pack_taps(const QGemmSource& source);
inline constexpr std::int64_t pair_bytes = 9 * 32;

// What lies between two positions, in lines: at even multiples of a cache line, the sixteen of a tile would share few
// places in the first cache, or a single one.
namespace {
[[maybe_unused]] constexpr std::int64_t odd(std::int64_t lines) { return lines | 1; }
}  // namespace

// Pairs of channels whose transformed weights are kept at a time: 64 KiB of 16 columns.
inline constexpr std::int64_t most_pairs = 64;

// Values between the transformed inputs of two tiles: an odd number of lines.
std::int64_t tile_width(const QGemmView& weights);

void run_avx2(const WinogradArgs& args);

}  // namespace bitsieve::winograd
