#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/max_rows/internal.h"

namespace bitsieve::max_rows {
namespace {

template <class T>
void run(const T* const* rows, std::int64_t count, std::int64_t n, T* out) {
  std::int64_t first = 0;
  if constexpr (std::is_same_v<T, float>) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = -INFINITY;
  } else {
    std::memcpy(out, rows[first++], static_cast<std::size_t>(n));
  }
  for (std::int64_t r = first; r < count; ++r) {
    const T* const row = rows[r];
    for (std::int64_t i = 0; i < n; ++i) out[i] = out[i] < row[i] ? row[i] : out[i];
  }
}

}  // namespace

const MaxRowsKernel portable{"max_portable", Isa::portable, run<std::uint8_t>, run<std::int8_t>, run<float>};

}  // namespace bitsieve::max_rows
