#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/qgemm/internal.h"
#include "kernels/winograd/internal.h"

namespace bitsieve {
namespace winograd {

QGemmWeights pack_taps(const QGemmSource& s) {
  QGemmWeights w = qgemm::prepare(s);
  const std::int64_t pairs = s.depth / 2, panels = (s.n + 15) / 16;
  w.lines.assign(static_cast<std::size_t>((panels * pairs * pair_bytes + 63) / 64), PackedLine{});
  auto* const bytes = reinterpret_cast<std::uint8_t*>(w.lines.data());
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t t = 0; t < 9; ++t) {
      const std::int8_t* const weight = s.weight + (n * 9 + t) * s.depth;
      std::uint8_t* const to = bytes + n / 16 * pairs * pair_bytes + t * 32 + n % 16 * 2;
      for (std::int64_t p = 0; p < pairs; ++p) std::memcpy(to + p * pair_bytes, weight + p * 2, 2);
    }
  }
  w.view.data = bytes;
  return w;
}

std::int64_t tile_width(const QGemmView& view) { return odd((view.depth + 31) / 32) * 32; }

}  // namespace winograd

bool winograd_fits(const QGemmSource& s) {
  if (s.taps != 9 || s.depth < winograd_depth || s.depth % 4 != 0) return false;
  const std::int64_t k = s.taps * s.depth;
  for (std::int64_t n = 0; n < s.n; ++n) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < k; ++i) sum += std::abs(static_cast<int>(s.weight[n * k + i]));
    const std::int64_t bias = s.bias == nullptr ? 0 : std::abs(static_cast<std::int64_t>(s.bias[n]));
    if (4 * (255 * sum + bias) > INT32_MAX) return false;
  }
  return true;
}

// The more tiles, the fewer times weights are transformed; transformed inputs leave room in the second cache for the
// weights of 16 columns. (Zen 3, 512 KiB: 192 KiB and 448 KiB of inputs are 2 to 10 % slower.)
std::int64_t winograd_tiles(const QGemmView& view) {
  constexpr std::int64_t rows = 6, most = 48;  // of a product, of a call
  static const std::int64_t enough = std::min<std::int64_t>(cache_bytes(2) / 8 * 5, 320 * 1024);
  const std::int64_t fitting = enough / (winograd::positions * winograd::tile_width(view) * 2) / rows * rows;
  return std::clamp<std::int64_t>(fitting, 2 * rows, most);
}

std::int64_t winograd_scratch_bytes(const QGemmView& view) {
  using namespace winograd;
  return positions * (odd(winograd_tiles(view)) * (tile_width(view) * 2 + 16 * 4) + odd(most_pairs) * 64);
}

}  // namespace bitsieve
