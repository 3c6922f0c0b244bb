// Parts of the qdepthwise kernels that are compiled for the baseline machine.
#pragma once
#include "kernels/qdepthwise/qdepthwise.h"

namespace bitsieve::qdepthwise {

QDepthwiseWeights pack_natural(const QDepthwiseSource& source);  // int16 [taps][channels]
QDepthwiseWeights pack_blocks(const QDepthwiseSource& source);   // int16 [channels / 16][taps][16]
QDepthwiseWeights pack_pairs(const QDepthwiseSource& source);    // see qdepthwise_avx2.cc
QDepthwiseWeights pack_quads(const QDepthwiseSource& source);    // see qdepthwise_avx512vnni.cc

void run_portable(const QDepthwiseArgs& args);
void run_avx2(const QDepthwiseArgs& args);
void run_avx512vnni(const QDepthwiseArgs& args);
void run_neon(const QDepthwiseArgs& args);

}  // namespace bitsieve::qdepthwise
