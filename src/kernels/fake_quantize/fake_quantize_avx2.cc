#include "kernels/fake_quantize/internal.h"

namespace bitsieve::fake_quantize {
namespace {
#include "kernels/fake_quantize/fake_quantize.inc"
}  // namespace

const FakeQuantizeKernel avx2{"fake_quantize_avx2", Isa::avx2, quantize, read, pass};

}  // namespace bitsieve::fake_quantize
