#include "quant/bit_sparsity.h"

#include <cmath>

#include "base/error.h"
#include "quant/range.h"

namespace bitsieve {
namespace {

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// Values of the piece below `bound`.
double below(const Magnitudes::Piece& piece, double bound) {
  if (bound <= piece.low) return 0;
  if (bound >= piece.high) return piece.count;
  return piece.count * (bound - piece.low) / (piece.high - piece.low);
}

}  // namespace

std::array<double, 9> leading_one_shares(const ValueStatistics& s, double scale, bool never_negative) {
  if (!(scale > 0 && std::isfinite(scale))) fail("the scale of the leading ones is {}; it must be above 0", scale);
  std::array<double, 9> shares{};
  if (s.elements <= 0) return shares;
  const Magnitudes magnitudes = magnitudes_of(s, never_negative);
  const int positions = never_negative ? 8 : 7;
  const double elements = static_cast<double>(s.elements);
  double counted = 0;
  for (int p = 0; p < positions; ++p) {
    const double from = (std::ldexp(1.0, p) - 0.5) * scale;
    const double to = p + 1 < positions ? (std::ldexp(1.0, p + 1) - 0.5) * scale : INFINITY;
    double inside = 0;
    for (const Magnitudes::Piece& piece : magnitudes.pieces) inside += below(piece, to) - below(piece, from);
    shares[static_cast<std::size_t>(p) + 1] = inside / elements;
    counted += inside;
  }
  shares[0] = (elements - counted) / elements;
  return shares;
}

BitSparsity bit_sparsity(const ValueStatistics& s, double scale, bool never_negative) {
  return {share(s.zeros, s.elements), share(s.pairs_both_zero, s.pairs), share(s.pairs_one_zero, s.pairs),
          leading_one_shares(s, scale, never_negative)};
}

}  // namespace bitsieve
