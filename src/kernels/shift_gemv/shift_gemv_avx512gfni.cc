// AVX-512 with VBMI2 and GFNI. For 64 weights: one or two vpexpandb put the bit planes of eight octets where the sets
// have bits, giving each octet a matrix of bits; one gf2p8affineqb transposes all eight; a masked subtraction sets the
// signs. That is four instructions for the shuffle port (groups of four: seven) and three (four) for the others,
// whatever the number of shifts.
#include <immintrin.h>

#include "kernels/shift_gemv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::shift_gemv {
namespace {

constexpr int kRows = shift_gemv_rows;
constexpr std::int64_t kAhead = 3072;  // bytes: the hardware's own prefetching stops at pages

// Panels are computed two at a time, far apart: two streams keep more lines on their way from memory than one.
template <int Streams>
struct Panels {
  std::int64_t at[Streams];
};

[[gnu::always_inline]] inline __mmask64 load_mask(const std::uint8_t* from) {
  unsigned long long bits;
  __builtin_memcpy(&bits, from, 8);
  return _cvtu64_mask64(bits);
}

[[gnu::always_inline]] inline void prefetch(const std::uint8_t* from) {
  _mm_prefetch(reinterpret_cast<const char*>(from + kAhead), _MM_HINT_T0);
}

// The rows of the panels share what is read of x and hide the latency of vpdpbusd.
template <int Sets, int Octets, int Streams>
void multiply(const ShiftGemvView& view, Panels<Streams> panels, const std::uint8_t* x, __m512i* sums) {
  const __m512i diagonal = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201u));
  const __m512i low_nibbles = _mm512_set1_epi8(0x0F);
  const std::uint8_t* from[Streams];
  std::int64_t stride[Streams * kRows];
  __m512i acc[Streams * kRows];
  repeat<Streams>([&](auto s) __attribute__((always_inline)) {
    const ShiftGemvPanel& panel = view.panels[panels.at[s]];
    from[s] = view.data + panel.offset;
    repeat<kRows>([&](auto r) __attribute__((always_inline)) {
      stride[s * kRows + r] = 8 + 8 * panel.shifts[r];
      acc[s * kRows + r] = _mm512_setzero_si512();
    });
  });
  for (std::int64_t block = 0; block < view.blocks; ++block, x += 64 * Octets) {
    repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) {
      const std::uint8_t*& next = from[row / kRows];
      prefetch(next);
      const __mmask64 set = load_mask(next), set2 = load_mask(next + 8 * (Sets - 1));
      next += 8 * Sets;
      repeat<Octets>([&](auto o) __attribute__((always_inline)) {
        const __mmask64 negative = load_mask(next);
        __m512i matrix = _mm512_maskz_expandloadu_epi8(set, next + 8);
        if constexpr (Sets == 2) {
          const __m512i second = _mm512_maskz_expandloadu_epi8(set2, next + 8);
          matrix = _mm512_ternarylogic_epi64(low_nibbles, matrix, second, 0xCA);  // matrix where low, else second
        }
        const __m512i magnitude = _mm512_gf2p8affine_epi64_epi8(diagonal, matrix, 0);
        const __m512i weight = _mm512_mask_sub_epi8(magnitude, negative, _mm512_setzero_si512(), magnitude);
        acc[row] = _mm512_dpbusd_epi32(acc[row], _mm512_load_si512(x + o * 64), weight);
        next += stride[row];
      });
    });
  }
  repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) { sums[row] = acc[row]; });
}

template <int Streams>
void multiply_plain(const ShiftGemvView& view, Panels<Streams> panels, const std::uint8_t* x, __m512i* sums) {
  const std::int64_t row_bytes = 64 * view.octets;
  const std::uint8_t* from[Streams];
  __m512i acc[Streams * kRows];
  repeat<Streams>([&](auto s)
                      __attribute__((always_inline)) { from[s] = view.data + view.panels[panels.at[s]].offset; });
  repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) { acc[row] = _mm512_setzero_si512(); });
  for (std::int64_t block = 0; block < view.blocks; ++block) {
    for (std::int64_t o = 0; o < view.octets; ++o, x += 64) {
      const __m512i some = _mm512_load_si512(x);
      repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) {
        const std::uint8_t* weight = from[row / kRows] + row % kRows * row_bytes + o * 64;
        prefetch(weight);
        acc[row] = _mm512_dpbusd_epi32(acc[row], some, _mm512_load_si512(weight));
      });
    }
    repeat<Streams>([&](auto s) __attribute__((always_inline)) { from[s] += kRows * row_bytes; });
  }
  repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) { sums[row] = acc[row]; });
}

// The sum of each row's sixteen.
__m128i reduce(const __m512i* sums) {
  const __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[0], sums[1]), _mm512_unpackhi_epi32(sums[0], sums[1]));
  const __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2], sums[3]), _mm512_unpackhi_epi32(sums[2], sums[3]));
  const __m512i c = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  const __m256i d = _mm256_add_epi32(_mm512_castsi512_si256(c), _mm512_extracti64x4_epi64(c, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(d), _mm256_extracti128_si256(d, 1));
}

// Row n + i where bit i of `wanted` is set.
void store(const ShiftGemvArgs& args, std::int64_t n, __mmask8 wanted, __m128i acc) {
  const Epilogue& e = args.epilogue;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m128 lo = _mm_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m128 hi = _mm_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m128 y = _mm_mul_ps(_mm_cvtepi32_ps(acc), _mm_loadu_ps(args.weights.multiplier + n));
  y = _mm_min_ps(hi, _mm_max_ps(lo, y));
  if (e.to_float) {
    _mm_mask_storeu_ps(static_cast<float*>(args.out) + n, wanted, y);
  } else {
    _mm_mask_cvtepi32_storeu_epi8(static_cast<std::uint8_t*>(args.out) + n, wanted, _mm_cvtps_epi32(y));
  }
}

// Panels of the same kind: plain or not.
template <int Streams>
void compute(const ShiftGemvArgs& args, Panels<Streams> panels, const std::uint8_t* x) {
  const ShiftGemvView& v = args.weights;
  __m512i sums[Streams * kRows];
  if (v.panels[panels.at[0]].plain) {
    multiply_plain<Streams>(v, panels, x, sums);
  } else if (v.sets == 2) {
    multiply<2, 1, Streams>(v, panels, x, sums);
  } else if (v.octets == 1) {
    multiply<1, 1, Streams>(v, panels, x, sums);
  } else if (v.octets == 2) {
    multiply<1, 2, Streams>(v, panels, x, sums);
  } else {
    multiply<1, 4, Streams>(v, panels, x, sums);
  }
  for (int s = 0; s < Streams; ++s) {
    const std::int64_t n = panels.at[s] * kRows;
    unsigned wanted = 0;
    for (std::int64_t i = 0; i < kRows; ++i) wanted |= (n + i >= args.first && n + i < args.last ? 1u : 0u) << i;
    const std::int32_t* const bias = (args.signed_input ? v.bias_signed : v.bias) + n;
    const __m128i start = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bias));
    store(args, n, static_cast<__mmask8>(wanted), _mm_add_epi32(start, reduce(sums + s * kRows)));
  }
}

void run(const ShiftGemvArgs& args) {
  if (args.first >= args.last) return;
  const std::uint8_t* const x = arrange(args);
  const ShiftGemvPanel* const panels = args.weights.panels;
  const std::int64_t begin = args.first / kRows, count = (args.last + kRows - 1) / kRows - begin, half = count / 2;
  for (std::int64_t p = begin; p < begin + half; ++p) {
    if (panels[p].plain == panels[p + half].plain) {
      compute<2>(args, {{p, p + half}}, x);
    } else {
      compute<1>(args, {{p}}, x);
      compute<1>(args, {{p + half}}, x);
    }
  }
  if (count % 2 != 0) compute<1>(args, {{begin + count - 1}}, x);
}

}  // namespace

const ShiftGemvKernel avx512gfni{"shift_gemv_avx512gfni", Isa::avx512vnni, true, true, pack, run};

}  // namespace bitsieve::shift_gemv
