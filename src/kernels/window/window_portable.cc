#include "kernels/window/internal.h"

namespace bitsieve::window {
namespace {

std::uint8_t apply(const WindowTables& t, std::uint8_t x, std::uint8_t partner) {
  return t.paired && partner == 0 ? t.lone[x] : t.pair[x];
}

void adjacent(const WindowTables& t, const std::uint8_t* in, std::uint8_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 1 < n; i += 2) {
    const std::uint8_t x = in[i], y = in[i + 1];
    out[i] = apply(t, x, y);
    out[i + 1] = apply(t, y, x);
  }
  if (i < n) out[i] = apply(t, in[i], 0);
}

void rows(const WindowTables& t, const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* out_a, std::uint8_t* out_b,
          std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint8_t x = a[i], y = b[i];
    out_a[i] = apply(t, x, y);
    out_b[i] = apply(t, y, x);
  }
}

void alone(const WindowTables& t, const std::uint8_t* in, std::uint8_t* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = apply(t, in[i], 0);
}

}  // namespace

const WindowKernel portable{"window_portable", Isa::portable, false, adjacent, rows, alone};

}  // namespace bitsieve::window
