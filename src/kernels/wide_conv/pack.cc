#include <cstring>

#include "kernels/qgemm/internal.h"
#include "kernels/wide_conv/internal.h"

namespace bitsieve::wide_conv {

QGemmWeights pack_pairs(const QGemmSource& s) {
  QGemmWeights w = qgemm::prepare(s);
  const std::int64_t k = s.taps * s.depth, pairs = k / 2;
  w.lines.assign(static_cast<std::size_t>((s.n + 15) / 16 * pairs), PackedLine{});
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t p = 0; p < pairs; ++p) {
      const std::int16_t pair[2] = {s.weight[n * k + 2 * p], s.weight[n * k + 2 * p + 1]};
      std::memcpy(w.lines[static_cast<std::size_t>(n / 16 * pairs + p)].bytes + n % 16 * 4, pair, sizeof pair);
    }
  }
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  return w;
}

}  // namespace bitsieve::wide_conv
