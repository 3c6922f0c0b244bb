#include "kernels/fake_quantize/internal.h"

namespace bitsieve::fake_quantize {
namespace {
#include "kernels/fake_quantize/fake_quantize.inc"
}  // namespace

const FakeQuantizeKernel portable{"fake_quantize_portable", Isa::portable, quantize, read, pass};

}  // namespace bitsieve::fake_quantize
