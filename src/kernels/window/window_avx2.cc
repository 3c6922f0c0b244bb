// AVX2: a 256-byte table is sixteen pshufb tables, each answering for one high nibble.
#include <immintrin.h>

#include "kernels/window/internal.h"

namespace bitsieve::window {
namespace {

template <Lone kLone>
class Lookup {
 public:
  static constexpr std::int64_t kWidth = 32;

  explicit Lookup(const WindowTables& tables) : pair_(tables.pair), lone_(tables.lone) {}

  static __m256i load(const std::uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static void store(std::uint8_t* to, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }
  static __m256i load_part(const std::uint8_t* from, std::int64_t n) {
    std::uint8_t spare[kWidth] = {};
    __builtin_memcpy(spare, from, static_cast<unsigned long>(n));
    return load(spare);
  }
  static void store_part(std::uint8_t* to, __m256i v, std::int64_t n) {
    std::uint8_t spare[kWidth];
    store(spare, v);
    __builtin_memcpy(to, spare, static_cast<unsigned long>(n));
  }
  static __m256i swap(__m256i x) { return _mm256_or_si256(_mm256_srli_epi16(x, 8), _mm256_slli_epi16(x, 8)); }

  __m256i apply(__m256i x, __m256i partner) const {
    if (kLone == Lone::as_pair) return pair(x);
    const __m256i alone = _mm256_cmpeq_epi8(partner, _mm256_setzero_si256());
    return _mm256_blendv_epi8(pair(x), kLone == Lone::itself ? x : lone(x), alone);
  }
  __m256i pair(__m256i x) const { return look_up(pair_, x); }
  __m256i lone(__m256i x) const { return look_up(lone_, x); }

 private:
  static __m256i look_up(const std::uint8_t* table, __m256i x) {
    __m256i found = _mm256_setzero_si256();
#pragma GCC unroll 16
    for (int high = 0; high < 16; ++high) {
      // Indices with this high nibble become 0..15 and stay below 128 when 0x70 is added; all others reach 128 or more,
      // for which pshufb gives 0.
      const __m256i index = _mm256_xor_si256(x, _mm256_set1_epi8(static_cast<char>(high * 16)));
      const __m256i part =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + high * 16)));
      found = _mm256_or_si256(found, _mm256_shuffle_epi8(part, _mm256_adds_epu8(index, _mm256_set1_epi8(0x70))));
    }
    return found;
  }

  const std::uint8_t* pair_;
  const std::uint8_t* lone_;
};

#include "kernels/window/loops.inc"

}  // namespace

const WindowKernel avx2{"window_avx2", Isa::avx2, false, adjacent<Lookup>, spread<Lookup>};

}  // namespace bitsieve::window
