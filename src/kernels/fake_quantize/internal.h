#pragma once
#include "kernels/fake_quantize/fake_quantize.h"

namespace bitsieve::fake_quantize {

extern const FakeQuantizeKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::fake_quantize
