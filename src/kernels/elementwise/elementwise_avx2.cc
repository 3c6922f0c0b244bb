#include "kernels/elementwise/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::elementwise {
namespace {

#include "kernels/elementwise/loops.inc"

}  // namespace

const ElementwiseKernel avx2{"elementwise_avx2", Isa::avx2, add, mul, requantize, lut, quantize, dequantize};

}  // namespace bitsieve::elementwise
