#include "kernels/elementwise/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::elementwise {
namespace {

#include "kernels/elementwise/loops.inc"

}  // namespace

const ElementwiseKernel avx512vnni{
    "elementwise_avx512vnni", Isa::avx512vnni, add, mul, requantize, lut, quantize, dequantize};

}  // namespace bitsieve::elementwise
