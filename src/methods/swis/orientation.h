// +128 is no weight but -128 is (quant/shared_shifts.h), and a magnitude of 128 is what the largest weights are rounded
// to: one position, where 127 would take seven. So filters are stored with the sign that makes their largest weight
// negative, and the scale has the sign that makes up for it. A sum and a multiplier that both change sign give the same
// output to the last bit, and what is left to round down are positive weights close to the largest.
//
// What that is worth, measured: mobilenetv1-0.25, SWIS with groups of 4, MSE++, scales per filter, no repair, top-1 of
// 300 images with 4 / 5 shifts: filters as they are 10.0 / 43.0, with the sign chosen here 40.7 / 57.7, with a ninth
// bit for +128 45.0 / 56.0.
#pragma once
#include "methods/uniform/uniform.h"

namespace bitsieve::swis {

// Negates the filters (k weights each) whose largest weight is above the magnitude of their smallest one, and their
// scales.
void orient_filters(uniform::QuantizedWeights& weights);

}  // namespace bitsieve::swis
