#include "kernels/qdepthwise/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::qdepthwise {
namespace {

constexpr std::int64_t kBlock = 64;  // accumulators that fit the stack and the first cache

template <class Byte>
void run(const QDepthwiseArgs& args) {
  const QDepthwiseView& w = args.weights;
  const auto* weight = reinterpret_cast<const std::int16_t*>(w.data);
  const Epilogue& e = args.epilogue;
  const auto lo = static_cast<float>(e.lo), hi = static_cast<float>(e.hi);
  for (std::int64_t m = 0; m < args.m; ++m) {
    for (std::int64_t c0 = 0; c0 < w.channels; c0 += kBlock) {
      const std::int64_t count = w.channels - c0 < kBlock ? w.channels - c0 : kBlock;
      std::uint32_t acc[kBlock];
      for (std::int64_t c = 0; c < count; ++c) acc[c] = static_cast<std::uint32_t>(w.bias[c0 + c]);
      for (std::int64_t t = 0; t < w.taps; ++t) {
        const std::int64_t at = m * args.step + c0;
        const std::uint8_t* row = args.taps[t] + at;
        std::uint8_t chosen[kBlock];
        if (args.paired) {
          const std::uint8_t* partner = (t ^ 1) < w.taps ? args.taps[t ^ 1] + at : nullptr;
          for (std::int64_t c = 0; c < count; ++c) {
            const bool lone = partner == nullptr || partner[c] == 0;
            chosen[c] = lone ? row[args.lone_offset + c] : row[args.pair_offset + c];
          }
          row = chosen;
        }
        const auto* from = reinterpret_cast<const Byte*>(row);
        const std::int16_t* by = weight + t * w.channels + c0;
        for (std::int64_t c = 0; c < count; ++c) acc[c] += static_cast<std::uint32_t>(from[c] * by[c]);
      }
      const float* multiplier = w.multiplier + c0;
      if (e.to_float) {
        float* out = static_cast<float*>(args.out) + m * args.out_stride + c0;
        for (std::int64_t c = 0; c < count; ++c) {
          float y = static_cast<float>(static_cast<std::int32_t>(acc[c])) * multiplier[c];
          y = y < e.clamp_lo ? e.clamp_lo : y;
          out[c] = e.clamp_hi < y ? e.clamp_hi : y;
        }
      } else {
        std::uint8_t* out = static_cast<std::uint8_t*>(args.out) + m * args.out_stride + c0;
        for (std::int64_t c = 0; c < count; ++c) {
          out[c] = static_cast<std::uint8_t>(requantize_fast(static_cast<std::int32_t>(acc[c]), multiplier[c], lo, hi));
        }
      }
    }
  }
}

}  // namespace

void run_portable(const QDepthwiseArgs& args) { args.signed_input ? run<std::int8_t>(args) : run<std::uint8_t>(args); }

}  // namespace bitsieve::qdepthwise
