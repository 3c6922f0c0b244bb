#include "kernels/qdepthwise/qdepthwise.h"

namespace bitsieve {

void run_qdepthwise_transformed(const QDepthwiseKernel& kernel, const WindowKernel& window, const WindowTables& tables,
                                const QDepthwiseArgs& args) {
  const std::int64_t taps = args.weights.taps, channels = args.weights.channels;
  std::vector<std::uint8_t> values(static_cast<std::size_t>(taps * channels));
  std::vector<const std::uint8_t*> rows(static_cast<std::size_t>(taps));
  for (std::int64_t t = 0; t < taps; ++t) rows[t] = values.data() + t * channels;
  QDepthwiseArgs one = args;
  one.m = 1;
  one.rows = rows.data();
  const std::int64_t step = args.out_stride * (args.epilogue.to_float ? 4 : 1);
  for (std::int64_t m = 0; m < args.m; ++m) {
    const std::uint8_t* const* from = args.rows + m * taps;
    std::uint8_t* to = values.data();
    std::int64_t t = 0;
    for (; t + 1 < taps; t += 2, to += 2 * channels) {
      window.rows(tables, from[t], from[t + 1], to, to + channels, channels);
    }
    if (t < taps) window.alone(tables, from[t], to, channels);
    one.out = static_cast<std::uint8_t*>(args.out) + m * step;
    kernel.run(one);
  }
}

}  // namespace bitsieve
