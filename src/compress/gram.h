// The Gram matrix of a layer's inputs, which says what an error of its weights does to its outputs, and its Cholesky
// factor.
#pragma once
#include <cstdint>
#include <vector>

namespace bitsieve {

// Square, row by row.
struct Matrix {
  explicit Matrix(std::int64_t size = 0) : size(size), data(static_cast<std::size_t>(size * size)) {}
  double* row(std::int64_t i) { return data.data() + i * size; }
  const double* row(std::int64_t i) const { return data.data() + i * size; }
  std::int64_t size;
  std::vector<double> data;
};

// Columns at most: n times a sum stays below 2^53. What the values of one and of the other matrix may be, by magnitude:
// an int32 holds the sum of 1024 products.
inline constexpr std::int64_t most_columns = 32768;
inline constexpr int most_value = 255, most_other_value = 2047;

using Rows = std::vector<const std::int16_t*>;  // as many values each as there are columns

// n sum_c x_ic x_jc (minus S_i S_j where centred: n^2 times the covariance), exact, over n columns of values up to
// most_value, by magnitude. threads <= 0: all processors; the result does not depend on it.
Matrix gram(const Rows& rows, std::int64_t columns, bool centred, int threads);

// The same of two matrices with as many rows, n sum_c a_ic b_jc; values of b up to most_other_value.
Matrix cross_gram(const Rows& a, const Rows& b, std::int64_t columns, bool centred, int threads);

// gram() for i = j alone.
std::vector<double> gram_diagonal(const Rows& rows, std::int64_t columns, bool centred);

// L, lower triangular, with L L^T = `positive`, a positive definite matrix; above the diagonal 0.
Matrix cholesky(const Matrix& positive, int threads);

}  // namespace bitsieve
