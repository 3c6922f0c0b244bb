#pragma once
#include "kernels/window/window.h"

namespace bitsieve::window {

extern const WindowKernel portable, avx2, avx512vbmi;

}  // namespace bitsieve::window
