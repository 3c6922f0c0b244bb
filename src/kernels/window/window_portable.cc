#include "kernels/window/internal.h"

namespace bitsieve::window {
namespace {

// Both tables behind one index: zeros come in no order that a processor could guess, so a branch would cost more than
// the look-up. The partner 0 chooses the lower half.
struct Tables {
  explicit Tables(const WindowTables& t) {
    __builtin_memcpy(value, t.paired ? t.lone : t.pair, 256);
    __builtin_memcpy(value + 256, t.pair, 256);
  }
  std::uint8_t operator()(std::uint8_t x, std::uint8_t partner) const { return value[(partner != 0 ? 256 : 0) + x]; }
  std::uint8_t value[512];
};

void adjacent(const WindowTables& tables, const std::uint8_t* in, std::uint8_t* out, std::int64_t n) {
  const Tables table(tables);
  std::int64_t i = 0;
  for (; i + 1 < n; i += 2) {
    const std::uint8_t x = in[i], y = in[i + 1];
    out[i] = table(x, y);
    out[i + 1] = table(y, x);
  }
  if (i < n) out[i] = table(in[i], 0);
}

void spread(const WindowTables& tables, const WindowPieces& pieces, const WindowPlanes& planes) {
  std::uint8_t* to = planes.value;
  for (std::int64_t k = 0; k < pieces.count; ++k) {
    const std::uint8_t* from = pieces.in + k * pieces.stride;
    for (std::int64_t i = 0; i < pieces.n; ++i, ++to) {
      to[0] = from[i];
      to[planes.distance] = tables.pair[from[i]];
      if (planes.alone) to[2 * planes.distance] = tables.lone[from[i]];
    }
  }
}

}  // namespace

const WindowKernel portable{"window_portable", Isa::portable, false, adjacent, spread};

}  // namespace bitsieve::window
