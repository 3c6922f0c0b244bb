#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bitsieve::train {

double Schedule::at(double epoch) const {
  if (epoch < warmup) return rate * epoch / warmup;
  if (kind == Kind::cosine) {
    const double done = epochs > warmup ? std::min(1.0, (epoch - warmup) / (epochs - warmup)) : 1.0;
    return rate * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
  double now = rate;
  for (const double drop : drops) now *= epoch >= drop ? factor : 1.0;
  return now;
}

}  // namespace bitsieve::train
