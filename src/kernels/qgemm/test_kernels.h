// Kernels that only the tests run.
#pragma once
#include "kernels/qgemm/qgemm.h"

namespace bitsieve::qgemm {

#if defined(__x86_64__)
extern const QGemmKernel vnni256_by_avx2;
#endif

}  // namespace bitsieve::qgemm
