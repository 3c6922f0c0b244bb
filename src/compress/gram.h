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

// Products of two 8-bit values that an int32 holds: columns at most.
inline constexpr std::int64_t most_columns = 32768;

// n sum_c x_ic x_jc (minus S_i S_j where centred: n^2 times the covariance), exact, over n columns of values from -127
// to 255. rows: one pointer to n values for each i. threads <= 0: all processors; the result does not depend on it.
Matrix gram(const std::vector<const std::int16_t*>& rows, std::int64_t columns, bool centred, int threads);

// The same for i = j alone.
std::vector<double> gram_diagonal(const std::vector<const std::int16_t*>& rows, std::int64_t columns, bool centred);

// L, lower triangular, with L L^T = `positive`, a positive definite matrix; above the diagonal 0.
Matrix cholesky(const Matrix& positive, int threads);

}  // namespace bitsieve
