#include "kernels/qgemm/internal.h"
#include "kernels/rounding.h"

namespace bitsieve::qgemm {
namespace {

// Both operands as int16: the form compilers turn into a multiply-add of pairs.
std::int32_t dot(const std::int16_t* a, const std::int16_t* b, std::int64_t k) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < k; ++i) sum += std::int32_t{a[i]} * b[i];
  return sum;
}

}  // namespace

void run_portable(const QGemmArgs& args) {
  const QGemmView& w = args.weights;
  const std::int64_t k = w.taps * w.depth;
  const auto* weight = reinterpret_cast<const std::int16_t*>(w.data);
  auto* wide = reinterpret_cast<std::int16_t*>(args.scratch != nullptr ? args.scratch : scratch(k * 2));
  const auto lo = static_cast<float>(args.epilogue.lo), hi = static_cast<float>(args.epilogue.hi);
  for (std::int64_t m = 0; m < args.m; ++m) {
    for (std::int64_t t = 0; t < w.taps; ++t) {
      const std::uint8_t* from = args.rows[m * w.taps + t];
      std::int16_t* to = wide + t * w.depth;
      if (args.signed_input) {
        for (std::int64_t c = 0; c < w.depth; ++c) to[c] = static_cast<std::int8_t>(from[c]);
      } else {
        for (std::int64_t c = 0; c < w.depth; ++c) to[c] = from[c];
      }
    }
    for (std::int64_t n = 0; n < w.n; ++n) {
      const std::uint32_t sum =
          static_cast<std::uint32_t>(dot(wide, weight + n * k, k)) + static_cast<std::uint32_t>(w.bias[n]);
      const auto acc = static_cast<std::int32_t>(sum);
      if (args.epilogue.to_float) {
        float y = static_cast<float>(acc) * w.multiplier[n];
        y = y < args.epilogue.clamp_lo ? args.epilogue.clamp_lo : y;
        y = args.epilogue.clamp_hi < y ? args.epilogue.clamp_hi : y;
        static_cast<float*>(args.out)[m * args.out_stride + n] = y;
      } else {
        static_cast<std::uint8_t*>(args.out)[m * args.out_stride + n] =
            static_cast<std::uint8_t>(requantize_fast(acc, w.multiplier[n], lo, hi));
      }
    }
  }
}

}  // namespace bitsieve::qgemm
