#pragma once
#include "kernels/window/window.h"

namespace bitsieve::window {

// What a value beside a zero becomes. by_magnitude: itself, but -128 as -127, as windows of signed values take it.
enum class Lone { as_pair, itself, by_magnitude, by_table };

// By its table; of whole tables as_pair where they do not pair.
Lone lone_of(const std::uint8_t* table);
Lone lone_of(const WindowTables& tables);

extern const WindowKernel portable, avx2, avx512vbmi, neon;

}  // namespace bitsieve::window
