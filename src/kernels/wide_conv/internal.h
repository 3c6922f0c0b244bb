// Parts of these kernels that are compiled for the baseline machine.
#pragma once
#include "kernels/wide_conv/wide_conv.h"

namespace bitsieve::wide_conv {

QGemmWeights pack_pairs(const QGemmSource& source);  // per 16 columns, per pair of values: a line of two int16 a column

void widen_avx2(const std::uint8_t* from, std::int64_t count, bool is_signed, std::int16_t* to);
void run_avx2(const WideConvArgs& args);

}  // namespace bitsieve::wide_conv
