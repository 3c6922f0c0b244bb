// What a weight code is: from float weights to int8 integers and a scale per filter.
#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "quant/shared_shifts.h"

namespace bitsieve {

struct WeightInput {
  const float* w = nullptr;  // [outputs][k], in K order: kernel row, kernel column, input channel of the group
  std::int64_t outputs = 0, k = 0;
  std::int64_t depth = 0;  // input channels of a filter; divides k
  double alpha = NAN;      // mean^2 / variance of what the layer reads (specification of SWIS, A.4); NaN: not known
  int threads = 0;         // 0: all processors; results do not depend on it
};

struct CodedWeights {
  std::vector<std::int8_t> q;  // [outputs][k]
  std::vector<float> scale;    // [outputs], not 0; of either sign
  int bits = 8;                // the integers fit so many bits, 2 to 8
  SharedShifts shifts;         // how the integers are stored, where it is not as numbers of `bits` bits
};

struct WeightCode {
  std::string name;
  double bits = 8;              // stored for a weight of a full group, scales and schedule aside
  double shifts = 7;            // cycles for a weight on a processing element with one shifter: bits of a magnitude
  bool measures_alpha = false;  // WeightInput::alpha is needed
  std::function<CodedWeights(const WeightInput&)> quantize;  // throws Error
};

}  // namespace bitsieve
