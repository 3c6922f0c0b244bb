// AVX-512: a group fills a lane of 128 bits, all four lanes hold the same, and vpshufb picks within them.
//
// For expansion sixteen inputs lie in all four lanes of a vector; four groups become one vector of bytes.
#include <immintrin.h>

#include "kernels/qgemm/store_avx512.h"
#include "kernels/two_of_four/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::two_of_four {
namespace {

constexpr std::int64_t kGroups = 1;
constexpr int kPicks = 1;

[[gnu::always_inline]] inline __m512i expanded(const std::uint8_t* from, std::int64_t) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

[[gnu::always_inline]] inline __m512i pick(__m512i expanded, __m512i places) {
  return _mm512_shuffle_epi8(expanded, places);
}

#include "kernels/two_of_four/picks_avx512.inc"

}  // namespace

void run_avx512vnni(const QGemmArgs& args) { run(args); }

void expand_avx512vnni(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out) {
  alignas(64) std::uint8_t v[64], p[64];
  for (int i = 0; i < 64; ++i) {
    const auto start = static_cast<std::uint8_t>(i / 16 * 4);
    v[i] = static_cast<std::uint8_t>(value_of[i % 16] + start);
    p[i] = partner_of[i % 16] == nothing ? nothing : static_cast<std::uint8_t>(partner_of[i % 16] + start);
  }
  const __m512i value = _mm512_load_si512(v), partner = _mm512_load_si512(p);
  const auto all_lanes = [](const std::uint8_t* from) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  };
  const std::int64_t alone = planes.alone ? 2 * planes.distance : 0;
  std::int64_t g = 0;
  for (; g + 4 <= groups; g += 4, out += 64) {
    const std::uint8_t* const from = planes.value + 4 * g;
    const __m512i beside = _mm512_shuffle_epi8(all_lanes(from), partner);
    const __m512i code = _mm512_shuffle_epi8(all_lanes(from + planes.distance), value);
    const __m512i lone = _mm512_shuffle_epi8(all_lanes(from + alone), value);
    _mm512_storeu_si512(out, _mm512_mask_blend_epi8(_mm512_testn_epi8_mask(beside, beside), code, lone));
  }
  expand_portable({planes.value + 4 * g, planes.distance, planes.alone}, groups - g, out);
}

}  // namespace bitsieve::two_of_four
