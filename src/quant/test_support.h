// Statistics and values for the tests of this folder.
#pragma once
#include <random>
#include <vector>

#include "quant/observer.h"

namespace bitsieve {

// Of one image.
inline ValueStatistics seen(const std::vector<float>& x) {
  ValueObserver observer;
  ValueStatistics s;
  observer.look(x.data(), static_cast<std::int64_t>(x.size()), 1);
  observer.add_counts(s);
  s.add_image(observer.min(), observer.max());
  return s;
}

inline std::vector<float> gaussian(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> x(n);
  for (float& v : x) v = std::normal_distribution<float>(0, 1)(random);
  return x;
}

}  // namespace bitsieve
