// NEON: blocks of 16 channels, widened to int16; smlal adds their products to four vectors of sums.
#include <arm_neon.h>

#include "kernels/qdepthwise/internal.h"
#include "kernels/store_neon.h"

namespace bitsieve::qdepthwise {
namespace {

uint8x16_t load(const std::uint8_t* from, int count) {
  if (count == 16) return vld1q_u8(from);
  std::uint8_t spare[16] = {};
  __builtin_memcpy(spare, from, static_cast<unsigned>(count));
  return vld1q_u8(spare);
}

// Where `partner` is 0 the value beside a zero, else the one beside another.
uint8x16_t choose(const QDepthwiseArgs& args, const std::uint8_t* from, uint8x16_t partner, int count) {
  return vbslq_u8(vceqzq_u8(partner), load(from + args.lone_offset, count), load(from + args.pair_offset, count));
}

template <bool Signed>
[[gnu::always_inline]] inline void add_tap(uint8x16_t x, const std::int16_t* weight, int32x4_t (&acc)[4]) {
  const int8x16_t s = vreinterpretq_s8_u8(x);
  const int16x8_t low = Signed ? vmovl_s8(vget_low_s8(s)) : vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x))),
                  high = Signed ? vmovl_high_s8(s) : vreinterpretq_s16_u16(vmovl_high_u8(x)), first = vld1q_s16(weight),
                  second = vld1q_s16(weight + 8);
  acc[0] = vmlal_s16(acc[0], vget_low_s16(low), vget_low_s16(first));
  acc[1] = vmlal_high_s16(acc[1], low, first);
  acc[2] = vmlal_s16(acc[2], vget_low_s16(high), vget_low_s16(second));
  acc[3] = vmlal_high_s16(acc[3], high, second);
}

template <bool Paired, bool Signed>
void run(const QDepthwiseArgs& args) {
  const QDepthwiseView& w = args.weights;
  for (std::int64_t m = 0; m < args.m; ++m) {
    for (std::int64_t c = 0; c < w.channels; c += 16) {
      const int count = w.channels - c < 16 ? static_cast<int>(w.channels - c) : 16;
      const std::int64_t at = m * args.step + c;
      const auto* weight = reinterpret_cast<const std::int16_t*>(w.data) + c * w.taps;
      int32x4_t acc[4];
      for (int i = 0; i < 4; ++i) acc[i] = vld1q_s32(w.bias + c + i * 4);
      for (std::int64_t t = 0; t < w.taps; t += 2, weight += 32) {
        const bool both = t + 1 < w.taps;
        const std::uint8_t *from = args.taps[t] + at, *beside = both ? args.taps[t + 1] + at : nullptr;
        const uint8x16_t x = load(from, count), y = both ? load(beside, count) : vdupq_n_u8(0);
        add_tap<Signed>(Paired ? choose(args, from, y, count) : x, weight, acc);
        if (both) add_tap<Signed>(Paired ? choose(args, beside, x, count) : y, weight + 16, acc);
      }
      store_neon(args.epilogue, w.multiplier + c, acc, args.out, m * args.out_stride + c, count);
    }
  }
}

}  // namespace

void run_neon(const QDepthwiseArgs& args) {
  if (args.paired) return args.signed_input ? run<true, true>(args) : run<true, false>(args);
  args.signed_input ? run<false, true>(args) : run<false, false>(args);
}

}  // namespace bitsieve::qdepthwise
