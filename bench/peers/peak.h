// What the processor could do at most.
#pragma once

namespace bitsieve::bench {

// 8-bit operations a second of one thread that does nothing but multiply and add on registers (a multiply-add counts as
// two), the best of some short runs; 0 where it is not known how.
//
// `fastest`: vpdpbusd, or without VNNI vpmaddubsw and vpmaddwd, which saturates sums of two products. `exact`: what
// never does, vpdpbusd or vpmaddwd on numbers widened to 16 bits.
struct Int8Peak {
  double fastest = 0, exact = 0;
};
Int8Peak int8_peak();

// One file each for what an instruction set needs.
double spin_avx512vnni(long long rounds);       // seconds; 2048 operations a round
double spin_avx2_saturating(long long rounds);  // 512
double spin_avx2_exact(long long rounds);       // 256

}  // namespace bitsieve::bench
