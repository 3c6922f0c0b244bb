// AVX-512 with VBMI2 and GFNI. Instructions of 512 bits start on two ports, 0 and 5; per 64 weights:
//
// Groups of 8 and more: vpexpandb puts the bit planes of eight octets where the sets have bits, giving each octet a
// matrix of bits; one gf2p8affineqb transposes all eight; a masked subtraction sets the signs. Four instructions for
// the shuffle port (5) and three for the other, whatever the number of shifts.
//
// Groups of four: each octet has the matrix of its two sets, and one gf2p8affineqb multiplies eight codes by it. The
// matrices cost 0.25, 2, 4.25 and 6 instructions with 1 to 4 shifts, all else five, nearly all for either port: 2.6,
// 3.5, 4.6 and 5.5 cycles at best.
#include <immintrin.h>

#include "kernels/shift_gemv/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::shift_gemv {
namespace {

constexpr int kRows = shift_gemv_rows;
// Bytes: the hardware's own prefetching stops at pages. From memory in two steps, as the second cache keeps more lines
// on their way than the first; from a last-level cache the first step would only cost.
constexpr std::int64_t kAhead = 3072, kFarAhead = 16384, kNearAhead = 2048;

// Panels are computed two at a time, far apart: two streams keep more lines on their way from memory than one.
// FromMemory: how to prefetch; here so that the functions below deduce both.
template <int Streams, bool FromMemory>
struct Panels {
  std::int64_t at[Streams];
};

[[gnu::always_inline]] inline __mmask64 load_mask(const std::uint8_t* from) {
  unsigned long long bits;
  __builtin_memcpy(&bits, from, 8);
  return _cvtu64_mask64(bits);
}

template <bool FromMemory>
[[gnu::always_inline]] inline void prefetch(const std::uint8_t* from) {
  if constexpr (FromMemory) {
    _mm_prefetch(reinterpret_cast<const char*>(from + kFarAhead), _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(from + kNearAhead), _MM_HINT_T0);
  } else {
    _mm_prefetch(reinterpret_cast<const char*>(from + kAhead), _MM_HINT_T0);
  }
}

// The rows of the panels share what is read of x and hide the latency of vpdpbusd.
template <int Octets, int Streams, bool FromMemory>
void multiply(const ShiftGemvView& view, Panels<Streams, FromMemory> panels, const std::uint8_t* x, __m512i* sums) {
  const __m512i diagonal = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201u));
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
      prefetch<FromMemory>(next);
      const __mmask64 set = load_mask(next);
      next += 8;
      repeat<Octets>([&](auto o) __attribute__((always_inline)) {
        const __mmask64 negative = load_mask(next);
        const __m512i matrix = _mm512_maskz_expandloadu_epi8(set, next + 8);
        const __m512i magnitude = _mm512_gf2p8affine_epi64_epi8(diagonal, matrix, 0);
        const __m512i weight = _mm512_mask_sub_epi8(magnitude, negative, _mm512_setzero_si512(), magnitude);
        acc[row] = _mm512_dpbusd_epi32(acc[row], _mm512_load_si512(x + o * 64), weight);
        next += stride[row];
      });
    });
  }
  repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) { sums[row] = acc[row]; });
}

// Bytes of a mask over the codes of quarter t: the bits [first, last) of each weight. See internal.h.
constexpr long long code_mask(int t, int first, int last) {
  std::uint64_t mask = 0;
  for (int i = 0; i < 8; ++i) {
    for (int j = first; j < last; ++j) mask |= std::uint64_t{1} << (8 * i + QuadForm::code_bit(64 * t + i, j));
  }
  return static_cast<long long>(mask);
}

[[gnu::always_inline]] inline __m512i select(__m512i mask, __m512i yes, __m512i no) {
  return _mm512_ternarylogic_epi64(mask, yes, no, 0xCA);
}

// The matrices of the four quarters: column 2 * ((t + j) % 4) + p is the j-th bit of the set of (t, p). What stands in
// columns that the quarter's codes never select does not matter.
template <int Shifts>
[[gnu::always_inline]] inline void quad_matrices(__m512i sets, __m512i* matrix) {
  // Byte c of the result's rows from bit 7 - r of byte 7 - c.
  const __m512i transpose = _mm512_set1_epi64(static_cast<long long>(0x0102040810204080u));
  const auto columns = [&](__m512i bytes) __attribute__((always_inline)) {
    return _mm512_gf2p8affine_epi64_epi8(transpose, bytes, 0);
  };
  const __m512i zero = _mm512_setzero_si512();
  __m512i part[4] = {sets, zero, zero, zero}, left = sets;  // part j: the j-th lowest bit of each set
  repeat<Shifts - 1>([&](auto j) __attribute__((always_inline)) {
    const __m512i negated = _mm512_sub_epi8(zero, left);
    part[j] = _mm512_and_si512(left, negated);
    left = _mm512_xor_si512(left, part[j]);
    part[j + 1] = left;
  });
  const __m512i t0 = columns(part[0]);
  if constexpr (Shifts == 1) {
    repeat<4>([&](auto t) __attribute__((always_inline)) { matrix[t] = t0; });
    return;
  }
  const __m512i even = _mm512_set1_epi8(0x33);
  const __m512i t1 = columns(_mm512_ror_epi64(part[1], 16));
  const __m512i even01 = select(even, t0, t1), odd01 = select(even, t1, t0);
  if constexpr (Shifts == 2) {
    matrix[0] = matrix[2] = even01;
    matrix[1] = matrix[3] = odd01;
    return;
  }
  const __m512i t2 = columns(_mm512_ror_epi64(part[2], 32));
  __m512i even23 = t2, odd23 = t2;
  if constexpr (Shifts == 4) {
    const __m512i t3 = columns(_mm512_ror_epi64(part[3], 48));
    even23 = select(even, t2, t3);
    odd23 = select(even, t3, t2);
  }
  const __m512i low = _mm512_set1_epi8(0x0F), middle = _mm512_set1_epi8(0x3C);
  matrix[0] = select(low, even01, even23);
  matrix[1] = select(middle, odd01, odd23);
  matrix[2] = select(low, even23, even01);
  matrix[3] = select(middle, odd23, odd01);
}

template <int Shifts, int Streams, bool FromMemory>
void multiply_quads(const ShiftGemvView& view, Panels<Streams, FromMemory> panels, const std::uint8_t* x,
                    __m512i* sums) {
  constexpr QuadForm form{Shifts};
  const std::uint8_t* from[Streams];
  __m512i acc[Streams * kRows];
  repeat<Streams>([&](auto s)
                      __attribute__((always_inline)) { from[s] = view.data + view.panels[panels.at[s]].offset; });
  repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) { acc[row] = _mm512_setzero_si512(); });
  for (std::int64_t block = 0; block < view.blocks; ++block, x += 256) {
    repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) {
      constexpr std::int64_t r = row % kRows;
      const std::uint8_t* const panel = from[row / kRows];
      const std::uint8_t* const line = panel + r * form.row_bytes();
      repeat<form.row_bytes() / 64>([&](auto i)
                                        __attribute__((always_inline)) { prefetch<FromMemory>(line + i * 64); });
      if constexpr (form.sign_bytes() > 0 && r % 2 == 0) prefetch<FromMemory>(panel + form.sign_byte(r, 0));
      __m512i matrix[4];
      quad_matrices<Shifts>(_mm512_load_si512(line), matrix);
      repeat<4>([&](auto t) __attribute__((always_inline)) {
        const __m512i codes = _mm512_load_si512(line + form.code_byte(64 * t));
        const __m512i chosen = _mm512_and_si512(codes, _mm512_set1_epi64(code_mask(t, 0, Shifts)));
        const __m512i magnitude = _mm512_gf2p8affine_epi64_epi8(chosen, matrix[t], 0);
        __mmask64 negative;
        if constexpr (form.sign_in_code()) {
          negative = _mm512_test_epi8_mask(codes, _mm512_set1_epi64(code_mask(t, Shifts, Shifts + 1)));
        } else {
          negative = load_mask(panel + form.sign_byte(r, 64 * t));
        }
        const __m512i weight = _mm512_mask_sub_epi8(magnitude, negative, _mm512_setzero_si512(), magnitude);
        acc[row] = _mm512_dpbusd_epi32(acc[row], _mm512_load_si512(x + 64 * t), weight);
      });
    });
    repeat<Streams>([&](auto s) __attribute__((always_inline)) { from[s] += form.panel_bytes(); });
  }
  repeat<Streams * kRows>([&](auto row) __attribute__((always_inline)) { sums[row] = acc[row]; });
}

template <int Streams, bool FromMemory>
void multiply_plain(const ShiftGemvView& view, Panels<Streams, FromMemory> panels, const std::uint8_t* x,
                    __m512i* sums) {
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
        prefetch<FromMemory>(weight);
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

// Of one kind: plain or not, and with groups of four of the same number of shifts.
bool alike(const ShiftGemvView& view, const ShiftGemvPanel& a, const ShiftGemvPanel& b) {
  return a.plain == b.plain && (!view.quads || a.plain || a.shifts[0] == b.shifts[0]);
}

// Panels are alike.
template <int Streams, bool FromMemory>
void compute(const ShiftGemvArgs& args, Panels<Streams, FromMemory> panels, const std::uint8_t* x) {
  const ShiftGemvView& v = args.weights;
  __m512i sums[Streams * kRows];
  const ShiftGemvPanel& panel = v.panels[panels.at[0]];
  if (panel.plain) {
    multiply_plain(v, panels, x, sums);
  } else if (v.quads) {
    switch (panel.shifts[0]) {
      case 1:
        multiply_quads<1>(v, panels, x, sums);
        break;
      case 2:
        multiply_quads<2>(v, panels, x, sums);
        break;
      case 3:
        multiply_quads<3>(v, panels, x, sums);
        break;
      default:
        multiply_quads<4>(v, panels, x, sums);
    }
  } else if (v.octets == 1) {
    multiply<1>(v, panels, x, sums);
  } else if (v.octets == 2) {
    multiply<2>(v, panels, x, sums);
  } else {
    multiply<4>(v, panels, x, sums);
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

template <bool FromMemory>
void compute_all(const ShiftGemvArgs& args) {
  const std::uint8_t* const x = arrange(args);
  const ShiftGemvPanel* const panels = args.weights.panels;
  const std::int64_t begin = args.first / kRows, count = (args.last + kRows - 1) / kRows - begin, half = count / 2;
  const auto one = [&](std::int64_t p) { compute<1, FromMemory>(args, {{p}}, x); };
  for (std::int64_t p = begin; p < begin + half; ++p) {
    if (alike(args.weights, panels[p], panels[p + half])) {
      compute<2, FromMemory>(args, {{p, p + half}}, x);
    } else {
      one(p);
      one(p + half);
    }
  }
  if (count % 2 != 0) one(begin + count - 1);
}

void run(const ShiftGemvArgs& args) {
  if (args.first >= args.last) return;
  if (args.from_memory) {
    compute_all<true>(args);
  } else {
    compute_all<false>(args);
  }
}

}  // namespace

const ShiftGemvKernel avx512gfni{"shift_gemv_avx512gfni", Isa::avx512vnni, true, true, pack, run};

}  // namespace bitsieve::shift_gemv
