// AVX-512 VBMI: a 256-byte table is two vpermi2b of 128 entries, chosen by the top bit.
#include <immintrin.h>

#include "kernels/window/internal.h"

namespace bitsieve::window {
namespace {

template <Lone kLone>
class Lookup {
 public:
  static constexpr std::int64_t kWidth = 64;

  explicit Lookup(const WindowTables& tables) {
    const std::uint8_t* lone = kLone == Lone::by_table || kLone == Lone::by_magnitude ? tables.lone : tables.pair;
    for (int i = 0; i < 4; ++i) {
      pair_[i] = _mm512_loadu_si512(tables.pair + i * 64);
      lone_[i] = _mm512_loadu_si512(lone + i * 64);
    }
  }

  static __m512i load(const std::uint8_t* from) { return _mm512_loadu_si512(from); }
  static void store(std::uint8_t* to, __m512i v) { _mm512_storeu_si512(to, v); }
  static __m512i load_part(const std::uint8_t* from, std::int64_t n) {
    return _mm512_maskz_loadu_epi8((__mmask64{1} << n) - 1, from);
  }
  static void store_part(std::uint8_t* to, __m512i v, std::int64_t n) {
    _mm512_mask_storeu_epi8(to, (__mmask64{1} << n) - 1, v);
  }
  static __m512i swap(__m512i x) { return _mm512_shldi_epi16(x, x, 8); }

  __m512i apply(__m512i x, __m512i partner) const {
    if (kLone == Lone::as_pair) return pair(x);
    return _mm512_mask_blend_epi8(_mm512_testn_epi8_mask(partner, partner), pair(x),
                                  kLone == Lone::itself ? x : lone(x));
  }
  __m512i pair(__m512i x) const { return look_up(pair_, x); }
  __m512i lone(__m512i x) const { return look_up(lone_, x); }

 private:
  static __m512i look_up(const __m512i* table, __m512i x) {
    const __m512i low = _mm512_permutex2var_epi8(table[0], x, table[1]);
    const __m512i high = _mm512_permutex2var_epi8(table[2], x, table[3]);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
  }

  __m512i pair_[4], lone_[4];
};

#include "kernels/window/loops.inc"

}  // namespace

const WindowKernel avx512vbmi{"window_avx512vbmi", Isa::avx512vnni, true, adjacent<Lookup>, spread<Lookup>};

}  // namespace bitsieve::window
