// What the processor could do at most.
#pragma once

namespace bitsieve::bench {

// 8-bit operations a second of one thread that does nothing but vpdpbusd on registers (a multiply-add counts as two),
// the best of some short runs; 0 where the machine has no AVX-512 VNNI.
double peak_int8_ops();

}  // namespace bitsieve::bench
