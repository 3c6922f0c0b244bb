#include "search/frontier.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitsieve {
namespace {

bool is_number(const FrontierPoint& p) {
  return !std::isnan(p.quality) && std::none_of(p.costs.begin(), p.costs.end(), [](double c) { return std::isnan(c); });
}

bool beats(const FrontierPoint& a, const FrontierPoint& b) {
  if (a.quality < b.quality) return false;
  bool better = a.quality > b.quality;
  for (std::size_t k = 0; k < a.costs.size(); ++k) {
    if (a.costs[k] > b.costs[k]) return false;
    better = better || a.costs[k] < b.costs[k];
  }
  return better;
}

}  // namespace

std::vector<bool> on_frontier(std::span<const FrontierPoint> points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].costs.size() != points[0].costs.size() || points[i].costs.empty()) {
      fail("point {} of a frontier has {} costs, point 0 has {}; all need the same, at least one", i,
           points[i].costs.size(), points[0].costs.size());
    }
  }
  std::vector<bool> result(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    result[i] = is_number(points[i]) && std::none_of(points.begin(), points.end(), [&](const FrontierPoint& other) {
                  return is_number(other) && beats(other, points[i]);
                });
  }
  return result;
}

}  // namespace bitsieve
