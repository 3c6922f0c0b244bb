#include "compress/gram.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"

namespace bitsieve {
namespace {

// One row against four: each value loaded once for four products.
std::array<std::int32_t, 4> dot4(const std::int16_t* a, const std::array<const std::int16_t*, 4>& b,
                                 std::int64_t count) {
  const std::int16_t *b0 = b[0], *b1 = b[1], *b2 = b[2], *b3 = b[3];
  std::int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int32_t x = a[c];
    s0 += x * b0[c];
    s1 += x * b1[c];
    s2 += x * b2[c];
    s3 += x * b3[c];
  }
  return {s0, s1, s2, s3};
}

std::int64_t sum(const std::int16_t* row, std::int64_t columns) {
  std::int64_t total = 0;
  for (std::int64_t c = 0; c < columns; ++c) total += row[c];
  return total;
}

// In eight partial sums, in a fixed order.
double dot(const double* a, const double* b, std::int64_t count) {
  double part[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int l = 0; l < 8; ++l) part[l] += a[i + l] * b[i + l];
  }
  for (; i < count; ++i) part[0] += a[i] * b[i];
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

// All rows of `a` with all of `b`, in tiles: those at and below the diagonal, the others being their mirror, or all.
// `strip` columns of two tiles stay in the second-level cache.
Matrix products(const Rows& a, const Rows& b, bool lower_half, std::int64_t columns, bool centred, int threads) {
  if (columns > most_columns) fail("a Gram matrix of {} columns; sums are safe up to {}", columns, most_columns);
  const auto size = static_cast<std::int64_t>(a.size());
  Matrix result(size);
  std::vector<std::int64_t> sums_a(a.size(), 0), sums_b(a.size(), 0);
  for (std::size_t i = 0; centred && i < a.size(); ++i) {
    sums_a[i] = sum(a[i], columns);
    sums_b[i] = sum(b[i], columns);
  }
  constexpr std::int64_t tile = 32, strip = 1024;
  static_assert(strip * most_value * most_other_value <= INT32_MAX);
  const std::int64_t tiles = (size + tile - 1) / tile;
  parallel_for(lower_half ? tiles * (tiles + 1) / 2 : tiles * tiles, threads, [&](std::int64_t index, int) {
    std::int64_t ti = 0, tj = 0;
    if (lower_half) {
      while ((ti + 1) * (ti + 2) / 2 <= index) ++ti;
      tj = index - ti * (ti + 1) / 2;
    } else {
      ti = index / tiles;
      tj = index % tiles;
    }
    const std::int64_t i_end = std::min(size, (ti + 1) * tile), j_end = std::min(size, (tj + 1) * tile);
    std::array<std::array<std::int64_t, tile>, tile> total{};
    for (std::int64_t c = 0; c < columns; c += strip) {
      const std::int64_t count = std::min(strip, columns - c);
      for (std::int64_t i = ti * tile; i < i_end; ++i) {
        for (std::int64_t j = tj * tile; j < j_end; j += 4) {
          std::array<const std::int16_t*, 4> four{};
          for (std::int64_t l = 0; l < 4; ++l) {
            four[static_cast<std::size_t>(l)] = b[static_cast<std::size_t>(std::min(j + l, j_end - 1))] + c;
          }
          const auto dots = dot4(a[static_cast<std::size_t>(i)] + c, four, count);
          for (std::int64_t l = 0; l < std::min<std::int64_t>(4, j_end - j); ++l) {
            total[static_cast<std::size_t>(i % tile)][static_cast<std::size_t>((j + l) % tile)] +=
                dots[static_cast<std::size_t>(l)];
          }
        }
      }
    }
    for (std::int64_t i = ti * tile; i < i_end; ++i) {
      for (std::int64_t j = tj * tile; j < j_end; ++j) {
        // Below 2^50: n^2 * 255 * 2047 with n up to 2^15.
        const std::int64_t exact =
            columns * total[static_cast<std::size_t>(i % tile)][static_cast<std::size_t>(j % tile)] -
            sums_a[static_cast<std::size_t>(i)] * sums_b[static_cast<std::size_t>(j)];
        result.row(i)[j] = static_cast<double>(exact);
        if (lower_half) result.row(j)[i] = result.row(i)[j];
      }
    }
  });
  return result;
}

}  // namespace

Matrix gram(const Rows& rows, std::int64_t columns, bool centred, int threads) {
  return products(rows, rows, true, columns, centred, threads);
}

Matrix cross_gram(const Rows& a, const Rows& b, std::int64_t columns, bool centred, int threads) {
  return products(a, b, false, columns, centred, threads);
}

std::vector<double> gram_diagonal(const Rows& rows, std::int64_t columns, bool centred) {
  std::vector<double> result;
  for (const std::int16_t* row : rows) {
    std::int64_t squares = 0;
    for (std::int64_t c = 0; c < columns; ++c) squares += std::int32_t{row[c]} * row[c];
    const std::int64_t total = centred ? sum(row, columns) : 0;
    result.push_back(static_cast<double>(columns * squares - total * total));
  }
  return result;
}

Matrix cholesky(const Matrix& positive, int threads) {
  const std::int64_t size = positive.size;
  Matrix lower(size);
  const auto entry = [&](std::int64_t i, std::int64_t j) {
    return positive.row(i)[j] - dot(lower.row(i), lower.row(j), j);
  };
  // Panels of columns: their own rows one after the other, then all rows below side by side.
  constexpr std::int64_t panel = 48, rows = 16;
  for (std::int64_t p = 0; p < size; p += panel) {
    const std::int64_t end = std::min(size, p + panel);
    for (std::int64_t i = p; i < end; ++i) {
      for (std::int64_t j = p; j < i; ++j) lower.row(i)[j] = entry(i, j) / lower.row(j)[j];
      const double square = entry(i, i);
      if (!(square > 0)) fail("the matrix is not positive definite");
      lower.row(i)[i] = std::sqrt(square);
    }
    const std::int64_t below = (size - end + rows - 1) / rows;
    parallel_for(below, size < 512 ? 1 : threads, [&](std::int64_t b, int) {
      for (std::int64_t i = end + b * rows; i < std::min(size, end + (b + 1) * rows); ++i) {
        for (std::int64_t j = p; j < end; ++j) lower.row(i)[j] = entry(i, j) / lower.row(j)[j];
      }
    });
  }
  return lower;
}

}  // namespace bitsieve
