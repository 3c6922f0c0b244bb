// What the processor could do at most, measured.
#pragma once

namespace bitsieve {

// 8-bit operations a second of one thread that does nothing but multiply and add on registers (a multiply-add counts as
// two), the best of some short runs, a tenth of a second in all; 0 where it is not known how.
//
// `fastest`: vpdpbusd, or without VNNI vpmaddubsw and vpmaddwd, which saturates sums of two products. `widened`:
// vpdpbusd, or vpmaddwd on numbers of 16 bits.
struct Int8Peak {
  double fastest = 0, widened = 0;
};
Int8Peak int8_peak();

}  // namespace bitsieve
