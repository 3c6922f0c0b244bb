#include "kernels/f32conv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::f32conv {
namespace {

constexpr int kLanes = 4, kVectors = 2, kRows = 4;
#include "kernels/f32conv/loops.inc"

}  // namespace

const F32ConvKernel portable{"f32conv_portable", Isa::portable, run, run_depthwise};

}  // namespace bitsieve::f32conv
