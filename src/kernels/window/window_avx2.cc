// AVX2: a 256-byte table is sixteen pshufb tables, each answering for one high nibble: some 64 operations for 32 bytes.
// Windows of four bits are 13 operations instead.
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
  __m256i lone(__m256i x) const {
    return kLone == Lone::by_magnitude ? _mm256_max_epi8(x, _mm256_set1_epi8(-127)) : look_up(lone_, x);
  }

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

// The same with arithmetic for `pair`.
template <Lone kLone, bool kSigned>
class Arithmetic : public Lookup<kLone> {
 public:
  explicit Arithmetic(const WindowTables& tables)
      : Lookup<kLone>(tables),
        half_(both(tables.arithmetic->half)),
        odd_(both(tables.arithmetic->odd)),
        top_(both(tables.arithmetic->top)),
        mask_(both(tables.arithmetic->mask)) {}

  __m256i apply(__m256i x, __m256i partner) const {
    if (kLone == Lone::as_pair) return pair(x);
    const __m256i alone = _mm256_cmpeq_epi8(partner, _mm256_setzero_si256());
    return _mm256_blendv_epi8(pair(x), kLone == Lone::itself ? x : this->lone(x), alone);
  }
  __m256i pair(__m256i pattern) const {
    const __m256i x = kSigned ? _mm256_min_epu8(_mm256_abs_epi8(pattern), _mm256_set1_epi8(127)) : pattern;
    const __m256i h = _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(15));
    const __m256i even = _mm256_cmpeq_epi8(_mm256_and_si256(x, _mm256_shuffle_epi8(odd_, h)), _mm256_setzero_si256());
    __m256i y = _mm256_adds_epu8(x, _mm256_shuffle_epi8(half_, h));
    y = _mm256_adds_epu8(y, _mm256_andnot_si256(even, _mm256_set1_epi8(1)));
    y = _mm256_min_epu8(y, _mm256_shuffle_epi8(top_, h));
    y = _mm256_and_si256(y, _mm256_shuffle_epi8(mask_, h));
    return kSigned ? _mm256_sign_epi8(y, pattern) : y;
  }

 private:
  static __m256i both(const std::uint8_t* table) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  }

  __m256i half_, odd_, top_, mask_;
};
template <Lone kLone>
using OfBytes = Arithmetic<kLone, false>;
template <Lone kLone>
using OfMagnitudes = Arithmetic<kLone, true>;

#include "kernels/window/loops.inc"

void adjacent_avx2(const WindowTables& tables, const std::uint8_t* in, std::uint8_t* out, std::int64_t n) {
  const WindowArithmetic* const a = tables.arithmetic;
  if (a == nullptr || !a->found) return adjacent<Lookup>(tables, in, out, n);
  a->is_signed ? adjacent<OfMagnitudes>(tables, in, out, n) : adjacent<OfBytes>(tables, in, out, n);
}

void spread_avx2(const WindowTables& tables, const WindowPieces& pieces, const WindowPlanes& planes) {
  const WindowArithmetic* const a = tables.arithmetic;
  if (a == nullptr || !a->found) return spread<Lookup>(tables, pieces, planes);
  a->is_signed ? spread<OfMagnitudes>(tables, pieces, planes) : spread<OfBytes>(tables, pieces, planes);
}

}  // namespace

const WindowKernel avx2{"window_avx2", Isa::avx2, false, adjacent_avx2, spread_avx2};

}  // namespace bitsieve::window
