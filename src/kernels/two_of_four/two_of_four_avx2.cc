// AVX2: the sixteen bytes of a group fill a lane of 128 bits. A group of four and 8 output channels take three
// operations on vectors, where the dense product takes four.
//
// For expansion sixteen inputs lie in both halves of a vector; two groups become one vector of bytes.
#include <immintrin.h>

#include "kernels/qgemm/store_avx2.h"
#include "kernels/two_of_four/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::two_of_four {
namespace {

struct Shuffle {
  __m256i value, partner;

  // For groups `first` and `first` + 1.
  explicit Shuffle(int first) {
    alignas(32) std::uint8_t v[32], p[32];
    for (int i = 0; i < 32; ++i) {
      const auto start = static_cast<std::uint8_t>(4 * (first + i / 16));
      v[i] = static_cast<std::uint8_t>(value_of[i % 16] + start);
      p[i] = partner_of[i % 16] == nothing ? nothing : static_cast<std::uint8_t>(partner_of[i % 16] + start);
    }
    value = _mm256_load_si256(reinterpret_cast<const __m256i*>(v));
    partner = _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
};

[[gnu::always_inline]] inline __m256i dot2(__m256i sum, __m256i x, __m256i w) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}

#include "kernels/two_of_four/pairs256.inc"

}  // namespace

void run_avx2(const QGemmArgs& args) { run(args); }

void expand_avx2(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out) {
  const Shuffle shuffles[2] = {Shuffle(0), Shuffle(2)};
  const std::int64_t alone = planes.alone ? 2 * planes.distance : 0;
  std::int64_t g = 0;
  for (; g + 4 <= groups; g += 4) {
    const std::uint8_t* const from = planes.value + 4 * g;
    const __m256i x = both_halves(from), code = both_halves(from + planes.distance), lone = both_halves(from + alone);
    for (const Shuffle& s : shuffles) {
      const __m256i zero = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(x, s.partner), _mm256_setzero_si256());
      _mm256_storeu_si256(
          reinterpret_cast<__m256i*>(out),
          _mm256_blendv_epi8(_mm256_shuffle_epi8(code, s.value), _mm256_shuffle_epi8(lone, s.value), zero));
      out += 32;
    }
  }
  expand_portable({planes.value + 4 * g, planes.distance, planes.alone}, groups - g, out);
}

}  // namespace bitsieve::two_of_four
