// For kernels that are compiled for AVX2 and more: everything is in an anonymous namespace.
#pragma once
#include <immintrin.h>

namespace bitsieve {
namespace {

// Empties the upper parts of the vector registers where a kernel ends (vzeroupper). Compilers do that themselves, but
// GCC 12 not behind functions that take vectors as arguments; what is compiled for SSE then waits for the upper parts
// at every instruction.
struct ClearUpper {
  ~ClearUpper() { _mm256_zeroupper(); }
};

}  // namespace
}  // namespace bitsieve
