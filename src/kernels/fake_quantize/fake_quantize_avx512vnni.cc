#include "kernels/fake_quantize/internal.h"

namespace bitsieve::fake_quantize {
namespace {
#include "kernels/fake_quantize/fake_quantize.inc"
}  // namespace

const FakeQuantizeKernel avx512vnni{"fake_quantize_avx512vnni", Isa::avx512vnni, quantize, read, pass};

}  // namespace bitsieve::fake_quantize
