// Cross-layer equalization: Nagel, van Baalen, Blankevoort, Welling, "Data-Free Quantization Through Weight
// Equalization and Bias Correction" (ICCV 2019), section 4.1.
//
// Where a layer is followed by nothing but positively homogeneous functions of single channels and then by another
// layer, its channel i may be divided by any s_i > 0 if the next layer's weights of that channel are multiplied by it.
// s_i = sqrt(r1_i r2_i) / r2_i makes the largest weight of output channel i before (r1_i) and of input channel i after
// (r2_i) equal; chains are repeated until nothing changes. The float network keeps its meaning up to rounding; values
// between the two layers change their scale, so calibrate afterwards.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"

namespace bitsieve {

struct EqualizedPair {
  std::string first, second;                  // node names
  std::int64_t channels = 0, left_alone = 0;  // left alone: dead channels, weights all but zero on one side
  double scale_low = 1, scale_high = 1;       // of 1 / s over the channels, all sweeps together
};

struct SkippedLayer {
  std::string node;
  std::string reason;
};

struct EqualizeReport {
  std::vector<EqualizedPair> pairs;
  std::vector<SkippedLayer> skipped;  // conv and linear nodes that begin no pair
  int sweeps = 0;
};

// Between the two layers may lie relu, leaky_relu, max_pool, average_pool, the mean over the plane, a zero pad of the
// plane and a reshape that only drops or adds axes of length 1, each with a single reader. An upper clamp (ReLU6) is
// not positively homogeneous: such layers are skipped, as are those whose output has several readers or meets another
// operator. FoldedNorms follow their layer's new scale.
EqualizeReport equalize(Graph& graph);

}  // namespace bitsieve
