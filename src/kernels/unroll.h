// Loops over register tiles that are unrolled before the optimizer looks at the arrays. GCC 12 keeps arrays of vectors
// in memory when their indices become constants only in its late unrolling: then every step of the inner loop stores.
#pragma once
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

}  // namespace bitsieve
