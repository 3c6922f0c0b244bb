// Skeleton of a kernel: a row for the table of a family, here src/kernels/window/. To add yours, put it into a file
// named after its instruction set, list it in select.cc and in the family's test, which holds every kernel equal to the
// portable one. Files compiled for an instruction set keep everything in anonymous namespaces.
//
// This one is correct and slow: it reads the definition of the header aloud.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kernels/window/window.h"

namespace {

using bitsieve::WindowTables;

std::uint8_t f(const WindowTables& t, std::uint8_t x, std::uint8_t partner) {
  return t.paired && partner == 0 ? t.lone[x] : t.pair[x];
}

void adjacent(const WindowTables& t, const std::uint8_t* in, std::uint8_t* out, std::int64_t n) {
  const std::vector<std::uint8_t> copy(in, in + n);  // out may be in
  const auto at = [&](std::int64_t i) { return i < n ? copy[static_cast<std::size_t>(i)] : std::uint8_t{0}; };
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(t, at(i), at(i ^ 1));
}

void spread(const WindowTables& t, const bitsieve::WindowPieces& pieces, const bitsieve::WindowPlanes& planes) {
  for (std::int64_t i = 0; i < pieces.count * pieces.n; ++i) {
    const std::uint8_t x = pieces.in[i / pieces.n * pieces.stride + i % pieces.n];
    planes.value[i] = x;
    planes.value[planes.distance + i] = t.pair[x];
    if (planes.alone) planes.value[2 * planes.distance + i] = t.lone[x];
  }
}

}  // namespace

int main() {
  const bitsieve::WindowKernel mine{"window_by_definition", bitsieve::Isa::portable, false, adjacent, spread};
  const bitsieve::WindowKernel& theirs = bitsieve::select_window(bitsieve::best_isa(), bitsieve::vbmi_supported());
  std::vector<std::uint8_t> pair(256), lone(256), in(101), a(101), b(101);
  for (std::size_t i = 0; i < 256; ++i) {
    pair[i] = static_cast<std::uint8_t>(i & 0xf0);
    lone[i] = static_cast<std::uint8_t>(i);
  }
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint8_t>(i % 3 == 0 ? 0 : i * 37);
  const WindowTables tables{pair.data(), lone.data(), true};
  mine.adjacent(tables, in.data(), a.data(), 101);
  theirs.adjacent(tables, in.data(), b.data(), 101);
  std::printf("%s: %s to %s\n", mine.name, a == b ? "equal" : "not equal", theirs.name);
  return a == b ? EXIT_SUCCESS : EXIT_FAILURE;
}
