// Learning rates over a training run.
#pragma once
#include <vector>

namespace bitsieve::train {

struct Schedule {
  enum class Kind { steps, cosine } kind = Kind::cosine;
  double rate = 0.1;
  double epochs = 10;         // of the whole run
  std::vector<double> drops;  // steps: epochs at which the rate is multiplied by `factor`
  double factor = 0.1;
  double warmup = 0;  // epochs from 0 up to the rate, in a straight line

  // epoch: with the part of the current one that is done, 0 to epochs. At the end of a cosine the rate is 0.
  double at(double epoch) const;
};

}  // namespace bitsieve::train
