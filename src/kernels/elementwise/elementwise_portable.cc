#include "kernels/elementwise/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::elementwise {
namespace {

#include "kernels/elementwise/loops.inc"

}  // namespace

const ElementwiseKernel portable{
    "elementwise_portable", Isa::portable, add, mul, requantize, lut, quantize, dequantize};

}  // namespace bitsieve::elementwise
