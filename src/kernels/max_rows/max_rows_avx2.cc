// AVX2: four vectors of all rows in registers at a time.
#include <immintrin.h>

#include "kernels/max_rows/internal.h"
#include "kernels/unroll.h"

namespace bitsieve::max_rows {
namespace {

struct U8 {
  using Value = std::uint8_t;
  using Vector = __m256i;
  static constexpr std::int64_t lanes = 32;
  static Vector start(const Value* row) { return load(row); }
  static Vector load(const Value* row) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)); }
  static void store(Value* out, Vector x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), x); }
  static Vector larger(Vector so_far, Vector x) { return _mm256_max_epu8(so_far, x); }
  static Value start_of_one(Value x) { return x; }
};

struct S8 {
  using Value = std::int8_t;
  using Vector = __m256i;
  static constexpr std::int64_t lanes = 32;
  static Vector start(const Value* row) { return load(row); }
  static Vector load(const Value* row) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)); }
  static void store(Value* out, Vector x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), x); }
  static Vector larger(Vector so_far, Vector x) { return _mm256_max_epi8(so_far, x); }
  static Value start_of_one(Value x) { return x; }
};

struct F32 {
  using Value = float;
  using Vector = __m256;
  static constexpr std::int64_t lanes = 8;
  static Vector start(const Value* row) { return larger(_mm256_set1_ps(-__builtin_inff()), load(row)); }
  static Vector load(const Value* row) { return _mm256_loadu_ps(row); }
  static void store(Value* out, Vector x) { _mm256_storeu_ps(out, x); }
  // Of two zeros, and with a NaN, maxps gives its second operand.
  static Vector larger(Vector so_far, Vector x) { return _mm256_max_ps(x, so_far); }
  static Value start_of_one(Value x) { return -__builtin_inff() < x ? x : -__builtin_inff(); }
};

template <class T, int Vectors>
[[gnu::always_inline]] inline void block(const typename T::Value* const* rows, std::int64_t count, std::int64_t at,
                                         typename T::Value* out) {
  typename T::Vector most[Vectors];
  repeat<Vectors>([&](auto v) __attribute__((always_inline)) { most[v] = T::start(rows[0] + at + v * T::lanes); });
  for (std::int64_t r = 1; r < count; ++r) {
    const typename T::Value* const row = rows[r] + at;
    repeat<Vectors>([&](auto v)
                        __attribute__((always_inline)) { most[v] = T::larger(most[v], T::load(row + v * T::lanes)); });
  }
  repeat<Vectors>([&](auto v) __attribute__((always_inline)) { T::store(out + at + v * T::lanes, most[v]); });
}

template <class T>
void run(const typename T::Value* const* rows, std::int64_t count, std::int64_t n, typename T::Value* out) {
  std::int64_t i = 0;
  for (; i + 4 * T::lanes <= n; i += 4 * T::lanes) block<T, 4>(rows, count, i, out);
  for (; i + T::lanes <= n; i += T::lanes) block<T, 1>(rows, count, i, out);
  if (i == n) return;
  if (n >= T::lanes) return block<T, 1>(rows, count, n - T::lanes, out);  // again what the block before has written
  for (; i < n; ++i) {
    typename T::Value most = T::start_of_one(rows[0][i]);
    for (std::int64_t r = 1; r < count; ++r) most = most < rows[r][i] ? rows[r][i] : most;
    out[i] = most;
  }
}

}  // namespace

const MaxRowsKernel avx2{"max_avx2", Isa::avx2, run<U8>, run<S8>, run<F32>};

}  // namespace bitsieve::max_rows
