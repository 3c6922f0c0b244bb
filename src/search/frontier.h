// Which of many points are worth having.
#pragma once
#include <span>
#include <vector>

namespace bitsieve {

struct FrontierPoint {
  double quality = 0;         // larger is better: top-1, agreement, SQNR
  std::vector<double> costs;  // smaller is better: bits, bytes, cycles; the same ones in every point, at least one
};

// result[i]: no other point is at least as good as point i everywhere and better somewhere. Points that are equal
// everywhere do not beat each other, so all of them are on the frontier or none. A point with a NaN is never on it and
// beats nothing; infinities are ordinary values. Throws Error when points have different numbers of costs.
std::vector<bool> on_frontier(std::span<const FrontierPoint> points);

}  // namespace bitsieve
