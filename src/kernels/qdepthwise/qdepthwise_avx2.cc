// AVX2: blocks of 32 channels. The bytes of two taps are interleaved and meet their weights in pmaddubsw, which adds
// two products in 16 bits and saturates: a weight is two digits, 16 * high + low with low from -8 to 7 and high from -8
// to 8, and sixteen products of a byte and a digit fit 16 bits (16 * 255 * 8 = 32640). So the sums of up to sixteen
// taps stay there, and bytes are never widened.
#include <immintrin.h>

#include "kernels/qdepthwise/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::qdepthwise {
namespace {

constexpr std::int64_t pairs_in_16_bits = 8;
constexpr int one_and_16 = 16 << 16 | 1;

// How the bytes of a tap are made (QDepthwiseArgs::paired). kept: paired, and a value beside a zero stays as it is.
enum class Form { plain, paired, kept };

// Where the channels of a block lie (digit_lane): 32 in one piece; two pieces of 16; fewer than 16.
enum class Place { whole, halves, part };

// The channels of a block of a pixel: of a tap, or of the output.
struct Block {
  std::int64_t first = 0, second = 0;  // channels that the halves start with
  std::int64_t count = 0;              // of a part
};

template <Place place>
[[gnu::always_inline]] inline __m256i load(const std::uint8_t* pixel, const Block& b) {
  if (place == Place::whole) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixel + b.first));
  if (place == Place::halves)
    return _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(pixel + b.second),
                               reinterpret_cast<const __m128i*>(pixel + b.first));
  std::uint8_t spare[32] = {};
  __builtin_memcpy(spare, pixel, static_cast<unsigned>(b.count));
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(spare));
}

// Bytes from where a tap reads for the first pixel to a pixel, and to its values beside another and beside a zero.
struct Offsets {
  std::int64_t value, pair, lone;
};

// GCC would keep a pointer for each tap and offset instead, in memory.
template <Form form>
[[gnu::always_inline]] inline Offsets in_registers(Offsets at) {
  asm("" : "+r"(at.value));
  if (form != Form::plain) asm("" : "+r"(at.pair));
  return at;
}

// Both taps of a pair as unsigned bytes; without a partner the second is anything, which weighs zero.
struct Taps {
  __m256i x, y;
};

template <Form form, bool Signed, Place place>
[[gnu::always_inline]] inline Taps load_pair(const Offsets& at, const std::uint8_t* from, const std::uint8_t* beside,
                                             bool has_partner, const Block& b) {
  Taps taps{load<place>(from + at.value, b), {}};
  if (!has_partner) {
    if (form == Form::paired) taps.x = load<place>(from + at.lone, b);
  } else {
    taps.y = load<place>(beside + at.value, b);
    if (form != Form::plain) {
      // One mask serves both: where either is zero, a zero stays zero and the other is beside a zero.
      const __m256i alone = _mm256_cmpeq_epi8(_mm256_min_epu8(taps.x, taps.y), _mm256_setzero_si256());
      if (form == Form::paired) {
        taps.x = load<place>(from + at.lone, b);
        taps.y = load<place>(beside + at.lone, b);
      }
      taps.x = _mm256_blendv_epi8(load<place>(from + at.pair, b), taps.x, alone);
      taps.y = _mm256_blendv_epi8(load<place>(beside + at.pair, b), taps.y, alone);
    }
  }
  if (Signed) {
    taps.x = _mm256_xor_si256(taps.x, _mm256_set1_epi8(-128));
    taps.y = _mm256_xor_si256(taps.y, _mm256_set1_epi8(-128));
  }
  if (!has_partner) taps.y = taps.x;
  return taps;
}

// Sums in 16 bits of Pixels pixels, by half of a lane and digit.
template <int Pixels>
using Digits = __m256i[Pixels][2][2];

// Adds a pair of taps; begins: to nothing.
template <Form form, bool Signed, Place place, int Pixels, bool begins>
[[gnu::always_inline]] inline void add_pair(const Offsets (&at)[Pixels], const std::uint8_t* from,
                                            const std::uint8_t* beside, bool has_partner, const Block& b,
                                            const std::uint8_t* weights, Digits<Pixels>& sums) {
  __m256i both[Pixels][2];
  repeat<Pixels>([&](auto m) __attribute__((always_inline)) {
    const Taps taps = load_pair<form, Signed, place>(at[m], from, beside, has_partner, b);
    both[m][0] = _mm256_unpacklo_epi8(taps.x, taps.y);
    both[m][1] = _mm256_unpackhi_epi8(taps.x, taps.y);
  });
  repeat<4>([&](auto i) __attribute__((always_inline)) {
    constexpr int half = i / 2, digit = i % 2;
    const __m256i weight = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights) + i);
    repeat<Pixels>([&](auto m) __attribute__((always_inline)) {
      const __m256i products = _mm256_maddubs_epi16(both[m][half], weight);
      sums[m][half][digit] = begins ? products : _mm256_add_epi16(sums[m][half][digit], products);
      asm("" : "+x"(sums[m][half][digit]));  // added now: GCC would keep products, and have no registers left
    });
  });
}

// Adds low + 16 * high to the sums of a pixel: of channels 4 * q to 4 * q + 3 of both halves of the block.
[[gnu::always_inline]] inline void widen(const __m256i (&sums)[2][2], const __m256i* before, __m256i combine,
                                         __m256i* acc) {
  repeat<4>([&](auto q) __attribute__((always_inline)) {
    constexpr int half = q / 2;
    const __m256i pairs = q % 2 == 0 ? _mm256_unpacklo_epi16(sums[half][0], sums[half][1])
                                     : _mm256_unpackhi_epi16(sums[half][0], sums[half][1]);
    acc[q] = _mm256_add_epi32(_mm256_loadu_si256(before + q), _mm256_madd_epi16(pairs, combine));
  });
}

template <Place place>
[[gnu::always_inline]] inline void store_bytes(std::uint8_t* out, const Block& b, __m256i bytes) {
  if (place == Place::whole) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + b.first), bytes);
  if (place == Place::halves)
    return _mm256_storeu2_m128i(reinterpret_cast<__m128i*>(out + b.second), reinterpret_cast<__m128i*>(out + b.first),
                                bytes);
  std::uint8_t spare[32];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(spare), bytes);
  __builtin_memcpy(out, spare, static_cast<unsigned>(b.count));
}

// Any epilogue.
template <Place place>
void store_any(const QDepthwiseArgs& args, std::int64_t m, const Block& b, const float* multiplier,
               const __m256i* acc) {
  const Epilogue& e = args.epilogue;
  // Operand order of min and max: like std::min and std::max they keep the sign of a zero.
  const __m256 lo = _mm256_set1_ps(e.to_float ? e.clamp_lo : static_cast<float>(e.lo));
  const __m256 hi = _mm256_set1_ps(e.to_float ? e.clamp_hi : static_cast<float>(e.hi));
  __m256 y[4];
  for (int q = 0; q < 4; ++q) {
    y[q] = _mm256_mul_ps(_mm256_cvtepi32_ps(acc[q]), _mm256_loadu_ps(multiplier + 8 * q));
    y[q] = _mm256_min_ps(hi, _mm256_max_ps(lo, y[q]));
  }
  if (e.to_float) {
    float* const out = static_cast<float*>(args.out) + m * args.out_stride;
    float spare[16];
    for (int q = 0; q < 4; ++q) {
      _mm_storeu_ps((place == Place::part ? spare : out + b.first) + 4 * q, _mm256_castps256_ps128(y[q]));
      if (place != Place::part) _mm_storeu_ps(out + b.second + 4 * q, _mm256_extractf128_ps(y[q], 1));
    }
    if (place == Place::part) __builtin_memcpy(out, spare, static_cast<unsigned>(b.count) * sizeof(float));
    return;
  }
  const auto low_byte = [&](int q) { return _mm256_and_si256(_mm256_cvtps_epi32(y[q]), _mm256_set1_epi32(255)); };
  const __m256i bytes =
      _mm256_packus_epi16(_mm256_packus_epi32(low_byte(0), low_byte(1)), _mm256_packus_epi32(low_byte(2), low_byte(3)));
  store_bytes<place>(static_cast<std::uint8_t*>(args.out) + m * args.out_stride, b, bytes);
}

// Bounds of s8 or of u8. Multipliers are below 1, so products are rounded to int32 as they are, saturate on their way
// to bytes and are bounded there, all at once.
struct Constants {
  __m256i lo, hi, combine;
  bool is_signed;
};

[[gnu::always_inline]] inline __m256i to_bytes(const Constants& constants, const float* multiplier,
                                               const __m256i (&acc)[4]) {
  __m256i i[4];
  repeat<4>([&](auto q) __attribute__((always_inline)) {
    i[q] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[q]), _mm256_loadu_ps(multiplier + 8 * q)));
  });
  // Packing within lanes undoes the order that unpacking within lanes made.
  const __m256i low = _mm256_packs_epi32(i[0], i[1]), high = _mm256_packs_epi32(i[2], i[3]);
  const auto& [lo, hi, combine, is_signed] = constants;
  return is_signed ? _mm256_min_epi8(_mm256_max_epi8(_mm256_packs_epi16(low, high), lo), hi)
                   : _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(low, high), lo), hi);
}

// What a block reads of packed weights.
struct BlockWeights {
  const std::uint8_t* digits;
  const __m256i* bias;
  const float* multiplier;
};

// All pixels of a block, nine taps, bytes: what the kernel is for. Works on copies, which stores into the output cannot
// change.
template <Form form, bool Signed, Place place>
[[gnu::noinline]] void nine_taps_to_bytes(const QDepthwiseArgs& args, const Block block, const BlockWeights weights,
                                          const Constants constants) {
  const std::uint8_t* taps[9];
  repeat<9>([&](auto t) __attribute__((always_inline)) { taps[t] = args.taps[t]; });
  const std::int64_t count = args.m, step = args.step, pair = args.pair_offset, lone = args.lone_offset;
  const std::int64_t stride = args.out_stride;
  auto* out = static_cast<std::uint8_t*>(args.out);
  std::int64_t m = 0, value = 0;
  const auto some = [&](auto pixels) __attribute__((always_inline)) {
    Offsets at[pixels];
    Digits<pixels> sums;
    repeat<pixels>([&](auto i) __attribute__((always_inline)) {
      at[i] = in_registers<form>({value + i * step, value + i * step + pair, value + i * step + lone});
    });
    repeat<5>([&](auto p) __attribute__((always_inline)) {
      constexpr int first = 2 * p, second = p < 4 ? first + 1 : first;
      add_pair<form, Signed, place, pixels, p == 0>(at, taps[first], taps[second], p < 4, block,
                                                    weights.digits + 128 * p, sums);
    });
    repeat<pixels>([&](auto i) __attribute__((always_inline)) {
      __m256i acc[4];
      widen(sums[i], weights.bias, constants.combine, acc);
      store_bytes<place>(out + i * stride, block, to_bytes(constants, weights.multiplier, acc));
    });
    m += pixels;
    value += pixels * step;
    out += pixels * stride;
  };
  while (m + 2 <= count) some(std::integral_constant<int, 2>{});
  if (m < count) some(std::integral_constant<int, 1>{});
}

// Any number of taps of a pixel, any epilogue.
template <Form form, bool Signed, Place place>
void any_taps(const QDepthwiseArgs& args, std::int64_t m, const Block& b, const BlockWeights& w) {
  const std::int64_t value = m * args.step;
  const Offsets at[1] = {{value, value + args.pair_offset, value + args.lone_offset}};
  const std::int64_t taps = args.weights.taps, pairs = (taps + 1) / 2;
  __m256i acc[4];
  for (int q = 0; q < 4; ++q) acc[q] = _mm256_loadu_si256(w.bias + q);
  for (std::int64_t p = 0; p < pairs;) {
    Digits<1> sums;
    for (auto& digits : sums[0]) digits[0] = digits[1] = _mm256_setzero_si256();
    for (const std::int64_t last = pairs - p < pairs_in_16_bits ? pairs : p + pairs_in_16_bits; p < last; ++p) {
      const bool has_partner = 2 * p + 1 < taps;
      add_pair<form, Signed, place, 1, false>(at, args.taps[2 * p], args.taps[2 * p + has_partner], has_partner, b,
                                              w.digits + 128 * p, sums);
    }
    widen(sums[0], acc, _mm256_set1_epi32(one_and_16), acc);
  }
  store_any<place>(args, m, b, w.multiplier, acc);
}

template <Form form, bool Signed, Place place>
void run_blocks(const QDepthwiseArgs& args) {
  const QDepthwiseView& v = args.weights;
  const Epilogue& e = args.epilogue;
  const std::int64_t pairs = (v.taps + 1) / 2;
  const Constants constants{_mm256_set1_epi8(static_cast<char>(e.lo)), _mm256_set1_epi8(static_cast<char>(e.hi)),
                            _mm256_set1_epi32(one_and_16), e.lo < 0};
  for (std::int64_t i = 0; i < digit_blocks(v.channels); ++i) {
    const Block b{digit_lane(v.channels, i, 0), digit_lane(v.channels, i, 1), v.channels};
    const BlockWeights w{v.data + i * pairs * 128,
                         reinterpret_cast<const __m256i*>((Signed ? v.bias_signed : v.bias) + i * 32),
                         v.multiplier + i * 32};
    if (v.taps == 9 && !e.to_float && (e.lo >= 0 || e.hi <= 127) && v.multipliers_below_one) {
      nine_taps_to_bytes<form, Signed, place>(args, b, w, constants);
    } else {
      for (std::int64_t m = 0; m < args.m; ++m) any_taps<form, Signed, place>(args, m, b, w);
    }
  }
}

template <Form form, bool Signed>
void run_form(const QDepthwiseArgs& args) {
  const std::int64_t channels = args.weights.channels;
  if (channels >= 32) return run_blocks<form, Signed, Place::whole>(args);
  channels >= 16 ? run_blocks<form, Signed, Place::halves>(args) : run_blocks<form, Signed, Place::part>(args);
}

}  // namespace

void run_avx2(const QDepthwiseArgs& args) {
  const Form form = !args.paired ? Form::plain : args.lone_offset == 0 ? Form::kept : Form::paired;
  switch (form) {
    case Form::plain:
      return args.signed_input ? run_form<Form::plain, true>(args) : run_form<Form::plain, false>(args);
    case Form::paired:
      return args.signed_input ? run_form<Form::paired, true>(args) : run_form<Form::paired, false>(args);
    case Form::kept:
      return args.signed_input ? run_form<Form::kept, true>(args) : run_form<Form::kept, false>(args);
  }
}

}  // namespace bitsieve::qdepthwise
