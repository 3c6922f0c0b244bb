// Parts of the qdepthwise kernels that are compiled for the baseline machine.
#pragma once
#include "kernels/qdepthwise/qdepthwise.h"

namespace bitsieve::qdepthwise {

QDepthwiseWeights pack_natural(const QDepthwiseSource& source);  // int16 [taps][channels]
QDepthwiseWeights pack_blocks(const QDepthwiseSource& source);   // int16 [channels / 16][taps][16]
QDepthwiseWeights pack_digits(const QDepthwiseSource& source);   // see qdepthwise_avx2.cc
QDepthwiseWeights pack_quads(const QDepthwiseSource& source);    // see qdepthwise_avx512vnni.cc

// Blocks of 32 channels for pack_digits, and where the two halves of a block start. The last block overlaps the one
// before and the last half the first, so that whole halves are read; below 16 channels there is one half.
static constexpr std::int64_t digit_blocks(std::int64_t channels) { return (channels + 31) / 32; }
static constexpr std::int64_t digit_lane(std::int64_t channels, std::int64_t block, int lane) {
  if (channels < 32) return lane == 0 || channels < 16 ? 0 : channels - 16;
  const std::int64_t first = 32 * block < channels - 32 ? 32 * block : channels - 32;
  return first + 16 * lane;
}

void run_portable(const QDepthwiseArgs& args);
void run_avx2(const QDepthwiseArgs& args);
void run_avx512vnni(const QDepthwiseArgs& args);
void run_neon(const QDepthwiseArgs& args);

}  // namespace bitsieve::qdepthwise
