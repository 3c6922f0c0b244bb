// Pairs of positions as SPARQ's machines take them.
#pragma once
#include <vector>

#include "accel/elements/sparq_element.h"
#include "accel/machine.h"

namespace bitsieve::accel {

// Two positions, or both halves of one, and the weights of each: a sign of an activation stands on its weight.
struct Pair {
  WindowPair lanes;
  int w1 = 0, w2 = 0;
};

// Two values before windows are cut.
Pair cut_pair(int x1, int w1, int x2, int w2, const TrimRound& unit);

// The elements of a machine of SPARQ's. Throws Error where the layer has windows that they cannot have.
TrimRound element_for(const Layer& layer, const Parameters& parameters);

// Of one output, in K order: windows two positions a pair, codes of 4 bits too, and 8-bit values one.
std::vector<Pair> pairs_of(const Operands& operands);

}  // namespace bitsieve::accel
