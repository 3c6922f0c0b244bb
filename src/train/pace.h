// How a run moves, for choosing how hard a regularizer presses.
#pragma once
#include <cstdint>

namespace bitsieve::train {

struct Pace {
  std::int64_t steps = 100;           // from one adjustment of bits to the next
  double rate = 0.1, momentum = 0.9;  // mean learning rate
};

}  // namespace bitsieve::train
