// Loops over register tiles that are unrolled before the optimizer looks at the arrays. GCC 12 keeps arrays of vectors
// in memory when their indices become constants only in its late unrolling: then every step of the inner loop stores.
#pragma once
#include <cstdint>
#include <type_traits>
#include <utility>

namespace bitsieve {

template <class Body, int... I>
[[gnu::always_inline]] inline void repeat(std::integer_sequence<int, I...>, const Body& body) {
  (body(std::integral_constant<int, I>{}), ...);
}

// body(i) for i from 0 to N - 1, each a constant. The body should be always_inline as well.
template <int N, class Body>
[[gnu::always_inline]] inline void repeat(const Body& body) {
  repeat(std::make_integer_sequence<int, N>{}, body);
}

// body(a constant) for a count from 1 to Most.
template <int Most, class Body>
[[gnu::always_inline]] inline void with_constant(std::int64_t count, const Body& body) {
  if (count >= Most) {
    body(std::integral_constant<int, Most>{});
  } else if constexpr (Most > 1) {
    with_constant<Most - 1>(count, body);
  }
}

// body(first row, how many as a constant) for rows [0, count), spread evenly over tiles of at most Most: a tile of a
// single row would read all weights for it alone.
template <int Most, class Body>
[[gnu::always_inline]] inline void spread_rows(std::int64_t count, const Body& body) {
  for (std::int64_t first = 0, tiles = (count + Most - 1) / Most; tiles > 0; --tiles) {
    const std::int64_t some = (count - first + tiles - 1) / tiles;
    with_constant<Most>(
        some, [&](auto rows) __attribute__((always_inline)) { body(first, rows); });
    first += some;
  }
}

}  // namespace bitsieve
