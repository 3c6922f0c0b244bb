// What the NEON kernels do with finished sums of 16 columns or channels. For files that are compiled for 64-bit Arm:
// everything is in an anonymous namespace.
#pragma once
#include <arm_neon.h>

#include "kernels/epilogue.h"

namespace bitsieve {
namespace {

// Writes `count` (1 to 16) values to element `at` of `out`, bytes or float; multiplier: 16 are read.
[[gnu::always_inline]] inline void store_neon(const Epilogue& e, const float* multiplier, const int32x4_t (&acc)[4],
                                              void* out, std::int64_t at, int count) {
  float32x4_t y[4];
  for (int i = 0; i < 4; ++i) y[i] = vmulq_f32(vcvtq_f32_s32(acc[i]), vld1q_f32(multiplier + i * 4));
  if (e.to_float) {
    // Compared and chosen, because fmax and fmin take 0 for more than -0, and the definition keeps what is equal.
    const float32x4_t lo = vdupq_n_f32(e.clamp_lo), hi = vdupq_n_f32(e.clamp_hi);
    float spare[16];
    float* const real = static_cast<float*>(out) + at;
    float* const to = count == 16 ? real : spare;
    for (int i = 0; i < 4; ++i) {
      y[i] = vbslq_f32(vcltq_f32(y[i], lo), lo, y[i]);
      vst1q_f32(to + i * 4, vbslq_f32(vcltq_f32(hi, y[i]), hi, y[i]));
    }
    if (count != 16) __builtin_memcpy(real, spare, static_cast<unsigned>(count) * sizeof(float));
    return;
  }
  // Clamped first, so that the conversion and the narrowing, which keeps the low bits, never meet what does not fit.
  const float32x4_t lo = vdupq_n_f32(static_cast<float>(e.lo)), hi = vdupq_n_f32(static_cast<float>(e.hi));
  int16x8_t words[4];
  for (int i = 0; i < 4; ++i) words[i] = vreinterpretq_s16_s32(vcvtnq_s32_f32(vminq_f32(vmaxq_f32(y[i], lo), hi)));
  const uint8x16_t low = vreinterpretq_u8_s16(vuzp1q_s16(words[0], words[1])),
                   high = vreinterpretq_u8_s16(vuzp1q_s16(words[2], words[3])), bytes = vuzp1q_u8(low, high);
  std::uint8_t* const to = static_cast<std::uint8_t*>(out) + at;
  if (count == 16) return vst1q_u8(to, bytes);
  std::uint8_t spare[16];
  vst1q_u8(spare, bytes);
  __builtin_memcpy(to, spare, static_cast<unsigned>(count));
}

}  // namespace
}  // namespace bitsieve
