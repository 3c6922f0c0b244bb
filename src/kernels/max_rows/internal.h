#pragma once
#include "kernels/max_rows/max_rows.h"

namespace bitsieve::max_rows {

extern const MaxRowsKernel portable, avx2;

}  // namespace bitsieve::max_rows
