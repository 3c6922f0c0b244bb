// Bytes as numbers of 16 bits, for files that are compiled for AVX2: everything is in an anonymous namespace.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace bitsieve::qgemm {
namespace {

__m256i wide(__m128i bytes, bool is_signed) {
  return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

// `count` bytes; neither is one more read, nor one value more written. The last vector overlaps the one before.
void widen(const std::uint8_t* from, std::int64_t count, bool is_signed, std::int16_t* to) {
  const auto sixteen = [&](std::int64_t at) __attribute__((always_inline)) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at),
                        wide(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at)), is_signed));
  };
  const auto eight = [&](std::int64_t at) __attribute__((always_inline)) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), _mm256_castsi256_si128(wide(bytes, is_signed)));
  };
  if (count >= 16) {
    std::int64_t i = 0;
    for (; i + 16 <= count; i += 16) sixteen(i);
    if (i < count) sixteen(count - 16);
  } else if (count >= 8) {
    eight(0);
    if (count > 8) eight(count - 8);
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      to[i] = static_cast<std::int16_t>(is_signed ? static_cast<std::int8_t>(from[i]) : from[i]);
  }
}

}  // namespace
}  // namespace bitsieve::qgemm
